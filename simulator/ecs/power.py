"""Starting, stopping, rebooting, deleting, and the reclaim of spot instances."""

from __future__ import annotations

from simulator.actions import Answer, Parameters, action
from simulator.ecs.disks import DiskActions
from simulator.ecs.model import Instance, Lock, utc
from simulator.error_catalogue import refusal

NOTICE = 300.0
"""Seconds from the interruption event to the release."""
RECYCLING = "Recycling"


class Power(DiskActions):
    """Start, stop, reclaim and release."""

    @action("StartInstance")
    def start_instance(self, p: Parameters) -> Answer:
        """Start a stopped instance; with StopCharging it needs stock.

        A start under the reclaim lock is not documented: it finds no capacity.
        """
        instance = self._in_status(p, "Stopped")
        key = (instance.zone_id, instance.instance_type, instance.charge)
        p.bool("InitLocalDisk")
        if any(lock.reason == RECYCLING for lock in instance.locks):
            raise refusal("OperationDenied.NoStock")
        gave_back = instance.stopped_mode == "StopCharging"
        if gave_back and self.stock.left(key, self.now()) == 0:
            raise refusal("OperationDenied.NoStock")
        _refuse_dry_run(p)
        if gave_back:
            self.stock.take(key, 1)
        instance.stopped_mode = "Not-applicable"
        self._transit(instance, "Starting", "Running", self.timings.boot)
        return {}

    @action("StopInstance")
    def stop_instance(self, p: Parameters) -> Answer:
        """Stop a running instance; StoppedMode StopCharging gives its capacity back."""
        instance = self._in_status(p, "Running")
        mode = p.get("StoppedMode", "KeepCharging")
        if mode not in ("KeepCharging", "StopCharging"):
            raise refusal("InvalidStoppedMode")
        p.bool("ForceStop")
        _refuse_dry_run(p)
        instance.stopped_mode = mode
        self._transit(instance, "Stopping", "Stopped", self.timings.stop)
        return {}

    @action("RebootInstance")
    def reboot_instance(self, p: Parameters) -> Answer:
        """Stop and start a running instance."""
        instance = self._in_status(p, "Running")
        _refuse_dry_run(p)
        self._transit(instance, "Starting", "Running", self.timings.stop + self.timings.boot)
        return {}

    @action("DeleteInstance")
    def delete_instance(self, p: Parameters) -> Answer:
        """Release an instance that is stopped, or with Force is running; not in its first minute."""
        instance = self.instance(p["InstanceId"])
        p.covers("TerminateSubscription", "Force")
        if instance.deletion_protection:
            raise refusal("InvalidOperation.DeletionProtection")
        if self.now() < instance.deletable_at or instance.status in ("Pending", "Starting"):
            raise refusal("IncorrectInstanceStatus.Initializing")
        if instance.status != "Stopped" and not p.bool("Force"):
            raise refusal("IncorrectInstanceStatus")
        _refuse_dry_run(p)
        self.release(instance, self.now(), "DeleteInstance")
        return {}

    def _in_status(self, p: Parameters, status: str) -> Instance:
        instance = self.instance(p["InstanceId"])
        if instance.status != status:
            raise refusal("IncorrectInstanceStatus")
        if any(lock.reason == "security" for lock in instance.locks):
            raise refusal("InstanceLockedForSecurity")
        return instance

    def _transit(self, instance: Instance, through: str, to: str, seconds: float) -> None:
        instance.status = through
        self.scheduler.at(self.now() + seconds, self.arrive, instance.instance_id, through, to)

    def reclaim(self, instance_id: str, lock_delay: float = 0.0, notice: float = NOTICE) -> None:
        """The system takes a spot instance back, ``notice`` seconds from now; the lock shows after ``lock_delay``."""
        instance = self.instance(instance_id)
        instance.locks.append(Lock(RECYCLING, self.now() + lock_delay))
        instance.release_at = self.now() + notice
        self.scheduler.at(instance.release_at, self._take_back, instance_id)

    def _take_back(self, moment: float, instance_id: str) -> None:
        instance = self.instances.get(instance_id)
        if instance is None:
            return
        if instance.spot_interruption_behavior == "Stop":
            instance.status, instance.stopped_mode = "Stopped", "StopCharging"
        else:
            self.release(instance, moment, "Reclaimed")

    def capacity_back(self, instance_id: str) -> None:
        """After a reclaim in stop mode: remove the lock, so that the instance can be started again."""
        instance = self.instance(instance_id)
        instance.locks = [lock for lock in instance.locks if lock.reason != RECYCLING]
        instance.release_at = None

    def release(self, instance: Instance, moment: float, why: str) -> None:
        """The instance is gone, with the disks that go with it; the others stay, detached.

        A retained system disk becomes a data disk (CreateImage's documentation says so). Under a security lock
        DeleteWithInstance means nothing (ModifyDiskAttribute's says that).
        """
        del self.instances[instance.instance_id]
        regardless = any(lock.reason == "security" for lock in instance.locks)
        fate: dict[str, list[str]] = {"deleted": [], "retained": []}
        for disk in self.disks_of(instance.instance_id):
            if disk.delete_with_instance or regardless:
                fate["deleted"].append(disk.disk_id)
                self.drop_disk(disk)
            else:
                fate["retained"].append(disk.disk_id)
                disk.instance_id, disk.device, disk.type, disk.detached_at = "", "", "data", moment
        if vswitch := self.vswitches.get(instance.vswitch_id):
            vswitch.give_back(instance.private_ip)
        record = {"InstanceId": instance.instance_id, "At": moment, "ReleasedAt": utc(moment), "Why": why}
        self.released.append(record | {"DeletedDisks": fate["deleted"], "RetainedDisks": fate["retained"]})
        self.cloud.slb.server_released(instance.instance_id)


def _refuse_dry_run(p: Parameters) -> None:
    if p.bool("DryRun"):
        raise refusal("DryRunOperation")
