@echo off
rem Does a TCP port of this machine accept connections? cmd cannot connect, so it asks whether somebody listens.
setlocal
set "port={{port}}"
set "wait_seconds={{wait-seconds}}"
set /a waited=0

:ask
rem A listening socket has no peer: its foreign address ends in ":0". The word for its state depends on the language.
netstat -an | findstr /r /c:"TCP .*:%port% .*:0 " >nul && goto passed
if %waited% geq %wait_seconds% goto failed
rem "timeout" refuses to run without a console; ping pauses for a second anywhere.
ping -n 2 127.0.0.1 >nul
set /a waited+=1
goto ask

:passed
echo PASSED: somebody listens on port %port%
exit /b 0

:failed
echo FAILED: nobody listened on port %port% within %wait_seconds% s
exit /b 1
