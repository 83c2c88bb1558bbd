"""Has the daemon read the files of packs again."""
from st2common.runners.base_action import Action


class RegisterPacks(Action):
    def run(self, register="all", packs=None):
        body = {"types": [kind.strip() for kind in register.split(",") if kind.strip()]}
        if packs:
            body["packs"] = packs
        client = self.action_service.datastore_service.get_api_client()
        answer = client.packs.client.post("/packs/register", body)
        if answer.status_code != 200:
            raise ValueError(answer.json().get("faultstring", answer.text))
        return answer.json()
