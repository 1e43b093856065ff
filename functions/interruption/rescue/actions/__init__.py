"""What a rescue does, one file per resource. An action returns the new state.

* the source: ``source_instance``; its disks: ``source_disks``, ``disk_flags``, ``snapshots``; its launch spec:
  ``record_launch_spec``
* the image: ``image``, ``create_image``, ``image_ownership``
* load balancers: ``membership_search``, ``memberships``
* the replacement: ``replacement``, ``run_instances``, ``launch_requests``, ``launch_refusals``; more than one:
  ``duplicate_replacements``, ``interrupted_replacement``
* the journal: ``episode``, ``record_checks``
"""
