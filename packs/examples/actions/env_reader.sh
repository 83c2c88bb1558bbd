#!/bin/sh
# The token is a secret: it is used, never shown.
echo "execution: $ST2_ACTION_EXECUTION_ID"
echo "pack: $ST2_ACTION_PACK_NAME"
echo "token: ${#ST2_ACTION_AUTH_TOKEN} characters"
python3 - <<'END'
import json
import os
import urllib.request

url = os.environ["ST2_ACTION_API_URL"] + "/executions/" + os.environ["ST2_ACTION_EXECUTION_ID"]
request = urllib.request.Request(url, headers={"X-Auth-Token": os.environ["ST2_ACTION_AUTH_TOKEN"]})
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
with opener.open(request) as answer:
    print("status:", json.load(answer)["status"])
END
