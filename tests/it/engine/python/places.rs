//! Where Python actions find things: modules, configuration, environment; and what is said when they do not.

use super::{Script, Way, daemon, run, starting, warmed_up, write};
use crate::support::{daemon::TestDaemon, pythons::another_python};
use serde_json::{Value, json};
use std::{fs, time::Duration};

const TELL: Script = Script {
    name: "tell",
    code: r#"
import os, sys
import helper
from lib.helper import WORD
from st2common.runners.base_action import Action

class Tell(Action):
    def run(self, value=None):
        self.logger.debug("a debug line")
        self.logger.error("an error line")
        env = {key: os.environ.get(key) for key in value["env"]}
        return {"words": [helper.WORD, WORD], "config": self.config, "env": env, "path": sys.path, "python": sys.prefix}
"#,
};

async fn telling(way: Way) -> TestDaemon {
    let (starting, home) = starting(way, &[TELL]);
    let data = home.data_dir();
    write(&data, "packs/pyt/actions/lib/__init__.py", "");
    write(&data, "packs/pyt/actions/lib/helper.py", "WORD = 'helped'\n");
    write(&data, "configs/pyt.yaml", "host: example.com\nnested: {a: 1}\n");
    let st2 = starting.await;
    if way == Way::Warm {
        warmed_up(&st2).await;
    }
    st2
}

#[tokio::test(flavor = "multi_thread")]
async fn modules_configuration_and_environment_are_where_packs_expect_them() {
    for way in [Way::Cold, Way::Warm] {
        let st2 = telling(way).await;
        let names = [
            "ST2_ACTION_PACK_NAME",
            "ST2_ACTION_EXECUTION_ID",
            "ST2_ACTION_API_URL",
            "ST2_API_URL",
            "MINE",
            "ST2_ACTION_DEBUG",
            "PATH",
            "PYTHONPATH",
        ];
        let body = json!({
            "value": {"env": names},
            "env": {"MINE": "a b", "ST2_ACTION_PACK_NAME": "no", "PythonPath": "/nowhere"},
            "log_level": "ERROR",
        });
        let id = st2.request_action("pyt.tell", body).await;
        let ended = st2.wait_for_end(&id).await;
        assert_eq!(ended["status"], "succeeded", "{way:?} {ended:#}");
        let result = &ended["result"]["result"];
        assert_eq!(result["words"], json!(["helped", "helped"]));
        assert_eq!(result["config"], json!({"host": "example.com", "nested": {"a": 1}}));
        let env = &result["env"];
        assert_eq!(env["MINE"], "a b");
        assert_eq!(env["ST2_ACTION_PACK_NAME"], "pyt");
        assert_eq!(env["ST2_ACTION_EXECUTION_ID"], id);
        assert_eq!(env["ST2_ACTION_DEBUG"], "False");
        assert_eq!(env["ST2_API_URL"], env["ST2_ACTION_API_URL"]);
        assert_eq!(
            env["ST2_API_URL"],
            format!("{}/v1", st2.url("")),
            "the address that is really listened at"
        );
        let data = st2.data_dir();
        let virtualenv = data.join("virtualenvs/pyt");
        assert!(env["PATH"].as_str().unwrap().starts_with(&format!("{}/bin/:", virtualenv.display())));
        assert_eq!(result["python"], json!(virtualenv));
        let path: Vec<&str> = env["PYTHONPATH"].as_str().unwrap().split(':').collect();
        assert!(path[0].ends_with("/lib/python3.11") || path[0].contains("/lib/python3."), "{path:?}");
        assert!(path[1].ends_with("/site-packages"), "{path:?}");
        assert_eq!(path[2], data.join("packs/pyt/actions/lib").to_str().unwrap());
        assert_eq!(path.last().copied(), data.join("python-site").to_str());
        let stderr = ended["result"]["stderr"].as_str().unwrap();
        assert!(stderr.contains("an error line") && !stderr.contains("a debug line"), "{stderr}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_virtualenv_is_told_with_its_remedy() {
    let (starting, home) = starting(Way::Warm, &[TELL]);
    fs::remove_dir_all(home.data_dir().join("virtualenvs/pyt")).unwrap();
    let st2 = starting.await;
    let ended = run(&st2, "parent", Value::Null).await;
    let path = st2.data_dir().join("virtualenvs/pyt");
    assert_eq!(
        ended["result"]["error"],
        format!(
            "\nThe virtual environment ({}) for pack \"pyt\" does not exist. Normally this is\ncreated when you install a pack using \"st2 pack install\". If you installed your pack by some other\nmeans, you can create a new virtual environment using the command: \"st2 run packs.setup_virtualenv packs=pyt\"\n",
            path.display()
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn system_packs_use_the_interpreter_of_the_system() {
    for way in [Way::Cold, Way::Warm] {
        let st2 = daemon(way, &[]).await;
        for _ in 0..3 {
            let ended = st2.run("core.uuid", json!({"uuid_type": "uuid4"})).await;
            assert_eq!(ended["status"], "succeeded", "{way:?} {ended:#}");
            assert_eq!(ended["result"]["result"].as_str().map(str::len), Some(36), "{ended:#}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_streamed_while_the_action_runs() {
    const SLOW: Script = Script {
        name: "slow",
        code: "import sys, time\nfrom st2common.runners.base_action import Action\nclass Slow(Action):\n    def run(self, value=None):\n        print('first')\n        while not __import__('os').path.exists(value): time.sleep(0.01)\n        print('last')\n",
    };
    for way in [Way::Cold, Way::Warm] {
        let st2 = daemon(way, &[SLOW]).await;
        let flag = st2.data_dir().join("go");
        let id = st2.request_action("pyt.slow", json!({"value": flag})).await;
        crate::support::processes::eventually("the first line", Duration::from_secs(30), async || {
            (st2.output(&id).await == b"first\n").then_some(())
        })
        .await;
        fs::write(&flag, "").unwrap();
        st2.wait_for_end(&id).await;
        assert_eq!(st2.output(&id).await, b"first\nlast\n", "{way:?}");
        fs::remove_file(flag).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn modules_of_the_pack_are_shared_when_the_settings_say_so() {
    const COMMON: Script = Script {
        name: "common",
        code: "class Tell:\n    def __init__(self, config=None, action_service=None): pass\n    def run(self, value=None):\n        try:\n            import shared_words\n        except ImportError:\n            return 'no'\n        return shared_words.WORD\n",
    };
    for way in [Way::Cold, Way::Warm] {
        for (enabled, word) in [(true, "shared"), (false, "no")] {
            let (starting, home) = starting(way, &[COMMON]);
            write(&home.data_dir(), "packs/pyt/lib/shared_words.py", "WORD = 'shared'\n");
            let st2 = starting.with_config(&format!("packs.enable_common_libs = {enabled}")).await;
            if way == Way::Warm {
                warmed_up(&st2).await;
            }
            let ended = st2.run("pyt.common", json!({})).await;
            assert_eq!(ended["result"]["result"], word, "{way:?} {ended:#}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_that_asks_for_another_python_runs_on_it() {
    const WHERE: Script = Script {
        name: "where",
        code: r#"
import json, os, sys
from st2common.runners.base_action import Action

class Where(Action):
    def run(self, value=None):
        self.logger.info("on %s", sys.version)
        self.action_service.set_value("version", "%d.%d" % sys.version_info[:2], local=False)
        site = [path for path in sys.path if "python-site" in path]
        return {"version": "%d.%d" % sys.version_info[:2], "prefix": sys.prefix, "site": site,
                "parent": os.getppid(), "value": value}
"#,
    };
    let Some((program, version)) = another_python() else {
        println!("skipped: there is one Python only");
        return;
    };
    for way in [Way::Cold, Way::Warm] {
        let (starting, home) = starting(way, &[WHERE]);
        let manifest = "name: pyt\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@b.cz\n";
        write(
            &home.data_dir(),
            "packs/pyt/pack.yaml",
            &format!("{manifest}requires_python: \"{version}\"\n"),
        );
        fs::remove_dir_all(home.data_dir().join("virtualenvs/pyt")).unwrap();
        let others = format!("actionrunner.python_binaries = [\"{}\"]", program.display());
        let st2 = starting.with_config(&others).await;
        let made = st2.run("packs.setup_virtualenv", json!({"packs": ["pyt"]})).await;
        assert_eq!(made["status"], "succeeded", "{way:?} {made:#}");
        if way == Way::Warm {
            warmed_up(&st2).await;
        }
        let data = st2.data_dir();
        let given = json!({"text": "\u{e9}\u{1f600}", "numbers": [1, 2.5, 12_345_678_901_234_567_890_u64]});
        let ended = run(&st2, "where", given.clone()).await;
        assert_eq!(ended["status"], "succeeded", "{way:?} {ended:#}");
        let result = &ended["result"]["result"];
        assert_eq!(result["version"], version, "{way:?}");
        assert_eq!(result["prefix"], json!(data.join("virtualenvs/pyt")));
        // Libraries of one version are no use to another.
        assert_eq!(result["site"], json!([data.join(format!("python-site-{version}"))]), "{way:?}");
        assert_eq!(result["value"], given);
        assert_eq!(result["parent"] == json!(st2.pid()), way == Way::Cold);
        assert!(ended["result"]["stderr"].as_str().unwrap().contains(&format!("on {version}.")), "{ended:#}");
        assert_eq!(st2.get("/v1/keys/version").await.expect(200)["value"], version);
    }
}
