# Does a local HTTP endpoint answer with the expected status? Redirects are not followed: a 302 is an answer of its own.
$ErrorActionPreference = 'Stop'
$port = '{{port}}'
$path = '{{path}}'
$status = '{{status}}'
$waitSeconds = '{{wait-seconds}}'

function Get-Answer([string]$url) {
    # Not Invoke-WebRequest: what that makes of redirects and error statuses differs between versions.
    $request = [Net.WebRequest]::Create($url)
    $request.AllowAutoRedirect = $false
    $request.Proxy = $null
    $request.Timeout = 5000
    try {
        $response = $request.GetResponse()
    } catch [Net.WebException] {
        $response = $_.Exception.Response
    }
    if ($null -eq $response) {
        return 0
    }
    $code = [int]$response.StatusCode
    $response.Close()
    return $code
}

$seen = 'none'
$clock = [Diagnostics.Stopwatch]::StartNew()
while ($true) {
    $got = Get-Answer "http://127.0.0.1:$port$path"
    if ($got -eq [int]$status) {
        Write-Output "PASSED: http://127.0.0.1:$port$path answered $got"
        exit 0
    }
    if ($got -ne 0) {
        $seen = $got
    }
    if ($clock.Elapsed.TotalSeconds -ge [int]$waitSeconds) {
        break
    }
    Start-Sleep -Seconds 1
}
Write-Output "FAILED: port $port did not answer $status to $path within $waitSeconds s; last answer: $seen"
exit 1
