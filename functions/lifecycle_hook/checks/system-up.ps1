# Has this machine come up? Waits until Windows Setup (sysprep's first boot included) is complete.
# Automatic services that do not run are reported: whether one matters to the service, port-answers tells.
$ErrorActionPreference = 'Stop'
$waitSeconds = '{{wait-seconds}}'

$clock = [Diagnostics.Stopwatch]::StartNew()
while ($true) {
    $image = (Get-ItemProperty 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Setup\State').ImageState
    $inSetup = (Get-ItemProperty 'HKLM:\SYSTEM\Setup').SystemSetupInProgress
    if ($image -eq 'IMAGE_STATE_COMPLETE' -and $inSetup -eq 0) {
        $stopped = @(Get-WmiObject Win32_Service -Filter "StartMode='Auto' AND State<>'Running'")
        $names = ($stopped | ForEach-Object { $_.Name }) -join ' '
        Write-Output "PASSED: Windows Setup is complete; automatic services that do not run: $names"
        exit 0
    }
    if ($clock.Elapsed.TotalSeconds -ge [int]$waitSeconds) {
        break
    }
    Start-Sleep -Seconds 1
}
Write-Output "FAILED after $waitSeconds s: Windows Setup is $image, in progress: $inSetup"
exit 1
