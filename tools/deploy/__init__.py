"""``spotkeeper deploy`` and ``undeploy``: bring what `s.yaml` describes to Function Compute, and remove it.

* ``serverless_devs``: the CLI that does the work, of the version in package.json
* ``access``: the credentials; ``openapi``: actions of products that no SDK here covers
* ``plan``: the deployment, from `s.yaml` as the CLI resolves it, after the strict check
* ``deploying``, ``removing``: show it, ask, do it, read back what exists then
"""
