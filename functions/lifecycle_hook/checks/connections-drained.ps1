# Are the clients gone? Waits until no TCP connection is established on the given ports, or, with "all", on any port
# that this machine listens on, except those of SSH and Remote Desktop and what comes from the machine itself.
$ErrorActionPreference = 'Stop'
$ports = '{{ports}}'
$waitSeconds = '{{wait-seconds}}'

# Asked once: a server that shuts down gracefully stops listening first and still has its connections.
if ($ports -eq 'all') {
    $listening = Get-NetTCPConnection -State Listen | ForEach-Object { [int]$_.LocalPort } | Sort-Object -Unique
    $watched = @($listening | Where-Object { $_ -ne 22 -and $_ -ne 3389 })
} else {
    $watched = @($ports.Split(',') | ForEach-Object { [int]$_ })
}

$clock = [Diagnostics.Stopwatch]::StartNew()
while ($true) {
    # Where there is none, the cmdlet reports an error: none is an answer.
    $established = @(Get-NetTCPConnection -State Established -ErrorAction SilentlyContinue |
        Where-Object { $watched -contains [int]$_.LocalPort })
    if ($ports -eq 'all') {
        $established = @($established | Where-Object {
            $_.RemoteAddress -ne $_.LocalAddress -and $_.RemoteAddress -notlike '127.*' -and $_.RemoteAddress -ne '::1'
        })
    }
    if ($established.Count -eq 0) {
        Write-Output "PASSED: no connection is established on ports: $ports"
        exit 0
    }
    if ($clock.Elapsed.TotalSeconds -ge [int]$waitSeconds) {
        break
    }
    Start-Sleep -Seconds 1
}
$left = $established | Group-Object LocalPort | ForEach-Object { "$($_.Count) on port $($_.Name)" }
Write-Output "FAILED: after $waitSeconds s connections are still established: $($left -join '; ')"
exit 1
