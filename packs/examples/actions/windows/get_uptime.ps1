$booted = (Get-CimInstance -ClassName Win32_OperatingSystem).LastBootUpTime
$up = (Get-Date) - $booted
ConvertTo-Json -Compress @{
    booted = $booted.ToUniversalTime().ToString("o")
    days = $up.Days
    hours = $up.Hours
    minutes = $up.Minutes
}
