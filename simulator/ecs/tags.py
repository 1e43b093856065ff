"""Tags: rules for keys and values, TagResources, UntagResources, ListTagResources."""

from __future__ import annotations

from simulator.actions import Answer, Parameters, action
from simulator.ecs.model import Resource, Tags
from simulator.ecs.paging import by_token
from simulator.ecs.store import EcsStore, tagged
from simulator.error_catalogue import refusal

LONGEST = 128
_RESERVED = ("acs:", "aliyun")
_PAGE = 50


class TagActions(EcsStore):
    """Tags of instances, disks, images and snapshots."""

    def checked_tags(self, p: Parameters) -> dict[str, str]:
        """``Tag.N`` of a creating or tagging call.

        Raises ApiError for reserved or malformed keys, duplicates and more than 20.
        """
        tags: dict[str, str] = {}
        for tag in p.list("Tag"):
            key, value = str(tag.get("Key", "")), str(tag.get("Value", ""))
            if not key or len(key) > LONGEST or key.startswith(_RESERVED) or "http://" in key or "https://" in key:
                raise refusal("InvalidTagKey.Malformed")
            if len(value) > LONGEST or "http://" in value or "https://" in value:
                raise refusal("InvalidTagValue.Malformed")
            if key in tags:
                raise refusal("Duplicate.TagKey")
            tags[key] = value
        if len(tags) > self.tag_quota:
            raise refusal("NumberExceed.Tags")
        return tags

    def tags_from(self, values: dict[str, str], created_at: float) -> Tags:
        """The tags of a new resource; they may become visible later than the resource itself."""
        visible_at = created_at + self.timings.tags_visible
        return Tags([(visible_at, key, value) for key, value in values.items()])

    @action("TagResources")
    def tag_resources(self, p: Parameters) -> Answer:
        """Add tags or overwrite their values. All resources or none."""
        tags = self.checked_tags(p)
        resources = self._resources(p)
        for resource in resources:
            if len({**resource.tags.true(), **tags}) > self.tag_quota:
                raise refusal("QuotaExceed.Tags")
        for resource in resources:
            for key, value in tags.items():
                resource.tags.set(key, value, self.now() + self.timings.tags_visible)
        return {}

    @action("UntagResources")
    def untag_resources(self, p: Parameters) -> Answer:
        """Remove the tags named, or all that are not the cloud's own."""
        keys = p.list("TagKey")
        everything = p.bool("All") and not keys
        for resource in self._resources(p):
            for key in resource.tags.true():
                if key in keys or (everything and not key.startswith(_RESERVED)):
                    resource.tags.set(key, None, self.now() + self.timings.tags_visible)
        return {}

    @action("ListTagResources")
    def list_tag_resources(self, p: Parameters) -> Answer:
        """One element per resource and tag, of the resources named or of those that have the tags named."""
        ids, wanted = p.list("ResourceId"), p.list("Tag")
        if not ids and not wanted:
            raise refusal("MissingParameter.TagOwnerOrResourceId")
        kind = p["ResourceType"]
        found = [
            {"ResourceId": name, "ResourceType": kind, "TagKey": key, "TagValue": value}
            for name, resource in self._of_type(kind).items()
            if (not ids or name in ids) and tagged(resource.tags, wanted, self.now())
            for key, value in resource.tags.seen(self.now()).items()
        ]
        page, token = by_token(p, found, _PAGE, _PAGE)
        return {"NextToken": token, "TagResources": {"TagResource": list(page)}}

    def _resources(self, p: Parameters) -> list[Resource]:
        known = self._of_type(p["ResourceType"])
        ids = p.list("ResourceId")
        if len(ids) > _PAGE:
            raise refusal("NumberExceed.ResourceIds")
        if not all(name in known for name in ids):
            raise refusal("InvalidResourceId.NotFound")
        return [known[name] for name in ids]

    def _of_type(self, kind: str) -> dict[str, Resource]:
        kinds: dict[str, dict[str, Resource]] = {
            "instance": dict(self.instances),
            "disk": dict(self.disks),
            "image": {name: image for name, image in self.images.items() if image.owner_alias == "self"},
            "snapshot": dict(self.snapshots),
        }
        if kind not in kinds:
            raise refusal("InvalidResourceType.NotFound")
        return kinds[kind]
