"""``spotkeeper permissions``: the functions' roles and policies, and the journal bucket.

* ``deployment``: the wanted state, from `s.yaml` and the files in ``ram/``
* ``roles``, ``bucket``: the changes that the account's state needs
* ``applying``: show them, ask, apply them
* ``apis``: RAM and OSS with the caller's credentials
"""
