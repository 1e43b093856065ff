# Has this machine room to work? Processor load, free disk and available memory; waits, since booting itself is work.
$ErrorActionPreference = 'Stop'
$loadPercent = '{{load-percent}}'
$diskFreePercent = '{{disk-free-percent}}'
$memoryAvailablePercent = '{{memory-available-percent}}'
$waitSeconds = '{{wait-seconds}}'

$clock = [Diagnostics.Stopwatch]::StartNew()
while ($true) {
    $load = [int](Get-WmiObject Win32_Processor | Measure-Object -Property LoadPercentage -Average).Average
    $system = Get-WmiObject Win32_OperatingSystem
    $memory = [int][Math]::Floor(100 * $system.FreePhysicalMemory / $system.TotalVisibleMemorySize)
    # 3: local disks, without network drives and CD images.
    $disks = Get-WmiObject Win32_LogicalDisk -Filter 'DriveType=3' | Where-Object { $_.Size -gt 0 }
    $fullest = $disks | Sort-Object { $_.FreeSpace / $_.Size } | Select-Object -First 1
    $disk = [int][Math]::Floor(100 * $fullest.FreeSpace / $fullest.Size)
    $measured = "processor load $load % (at most $loadPercent), memory available $memory % " +
        "(at least $memoryAvailablePercent), disk free $disk % on $($fullest.DeviceID) (at least $diskFreePercent)"
    $room = $memory -ge [int]$memoryAvailablePercent -and $disk -ge [int]$diskFreePercent
    if ($room -and $load -le [int]$loadPercent) {
        Write-Output "PASSED: $measured"
        exit 0
    }
    if ($clock.Elapsed.TotalSeconds -ge [int]$waitSeconds) {
        break
    }
    Start-Sleep -Seconds 1
}
Write-Output "FAILED after $waitSeconds s: $measured"
exit 1
