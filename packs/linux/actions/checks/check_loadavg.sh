#!/bin/sh
read -r one five fifteen _ </proc/loadavg
case $1 in
1) echo "$one" ;;
5) echo "$five" ;;
15) echo "$fifteen" ;;
*) echo "1 min: $one, 5 min: $five, 15 min: $fifteen" ;;
esac
