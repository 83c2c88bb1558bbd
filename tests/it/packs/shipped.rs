//! Every action of the packs `linux` and `examples` is run at least once: against an sshd, a web server and a Windows
//! host of ours, and, where a program is not on every machine, against one that prints its arguments.

use crate::support::{
    daemon::TestDaemon,
    processes::eventually,
    site::{Site, reply},
    sshd::Sshd,
    windows::{Login, PASSWORD, USER, Windows, prints},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

/// Workflows have tests of their own, where the engine's are.
const WORKFLOWS: [&str; 2] = ["action-chain", "orquesta"];

/// A daemon with the optional packs, and which of their actions were run.
struct Bench {
    st2: TestDaemon,
    pack: &'static str,
    ran: BTreeSet<String>,
}

impl Bench {
    async fn start(pack: &'static str) -> Self {
        let st2 = TestDaemon::start().with_config(&format!("content.optional_packs = [\"{pack}\"]")).await;
        Self { st2, pack, ran: BTreeSet::new() }
    }

    /// Runs an action that may end in any way.
    async fn run(&mut self, action: &str, parameters: Value) -> Value {
        self.ran.insert(action.to_owned());
        self.st2.run(&format!("{}.{action}", self.pack), parameters).await
    }

    /// Runs an action that succeeds; answers its result.
    async fn result(&mut self, action: &str, parameters: Value) -> Value {
        let ended = self.run(action, parameters).await;
        assert_eq!(ended["status"], "succeeded", "{action}: {ended}");
        ended["result"].clone()
    }

    /// Fails if an action was never run.
    async fn all_were_run(self) {
        let path = format!("/v1/actions?pack={}&limit=200", self.pack);
        let actions = self.st2.get(&path).await.expect(200);
        let actions = actions.as_array().unwrap().iter();
        let actions = actions.filter(|action| !WORKFLOWS.contains(&action["runner_type"].as_str().unwrap()));
        let names: BTreeSet<String> =
            actions.map(|action| action["name"].as_str().unwrap().to_owned()).collect();
        assert!(!names.is_empty());
        assert_eq!(self.ran, names);
    }
}

/// Parameters that let in where sshd is.
fn on(sshd: &Sshd, mut more: Value) -> Value {
    let parameters = more.as_object_mut().unwrap();
    parameters.insert("hosts".to_owned(), json!("127.0.0.1"));
    parameters.insert("port".to_owned(), json!(sshd.port));
    parameters.insert("private_key".to_owned(), json!(sshd.path("id")));
    more
}

/// A program that prints its arguments, each on a line.
fn fake(directory: &Path, name: &str) {
    let path = directory.join(name);
    fs::write(&path, format!("#!/bin/sh\necho {name}\nfor a in \"$@\"; do echo \"<$a>\"; done\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn linux() {
    let Some(sshd) = Sshd::start().await else { return };
    let mut bench = Bench::start("linux").await;
    let here = tempfile::tempdir().unwrap();
    let dir = here.path().to_str().unwrap().to_owned();
    let pid = bench.st2.pid();
    let path = format!("{dir}:{}", std::env::var("PATH").unwrap());
    let faked = json!({"PATH": path});
    let out = |result: &Value| result["127.0.0.1"]["stdout"].clone();
    for name in ["rsync", "traceroute", "service", "systemctl", "dig"] {
        fake(here.path(), name);
    }

    let all = out(&bench.result("check_loadavg", on(&sshd, json!({}))).await);
    assert_eq!(all.as_object().unwrap().keys().collect::<Vec<_>>(), ["1", "5", "15"]);
    let one = out(&bench.result("check_loadavg", on(&sshd, json!({"period": "5"}))).await);
    assert!(one.is_number(), "{one}");
    let wanted = json!({"search": "pid", "criteria": pid.to_string(), "args": "pidlist"});
    let found = bench.result("check_processes", on(&sshd, wanted)).await;
    assert!(out(&found)[pid.to_string()].as_str().unwrap().contains("st2d"), "{found}");
    assert_eq!(found["127.0.0.1"]["stderr"], pid);

    // What a shell would take for commands is part of the name; words and patterns are what they were.
    let nasty = "a;touch${IFS}pwned;$(id>pwned)`id>pwned`'\"&|";
    for name in [nasty, "b.txt", "c.txt"] {
        fs::write(here.path().join(name), name).unwrap();
    }
    let wanted =
        json!({"source": format!("{nasty} *.txt"), "destination": "to here", "cwd": dir, "recursive": true});
    fs::create_dir(here.path().join("to here")).unwrap();
    bench.result("cp", on(&sshd, wanted)).await;
    for name in [nasty, "b.txt", "c.txt"] {
        assert_eq!(fs::read_to_string(here.path().join("to here").join(name)).unwrap(), name);
    }
    let wanted = json!({"source": nasty, "destination": "moved $(id>pwned)", "cwd": dir, "force": true});
    bench.result("mv", on(&sshd, wanted)).await;
    assert!(here.path().join("moved $(id>pwned)").exists());
    let wanted = json!({"target": "?.txt ;id>pwned", "cwd": dir, "force": true});
    bench.result("rm", on(&sshd, wanted)).await;
    assert!(!here.path().join("b.txt").exists() && !here.path().join("c.txt").exists());
    bench.result("file_touch", on(&sshd, json!({"file": format!("{dir}/it's new")}))).await;
    let time = fs::read_to_string(here.path().join("it's new")).unwrap();
    assert!(time.trim().parse::<u64>().is_ok(), "{time}");
    assert!(!here.path().join("pwned").exists());

    for (action, parameters) in [
        ("lsof", json!({"args": format!("-p {pid}")})),
        ("lsof_pids", json!({"pids": format!("[{pid}]"), "sudo": false})),
        ("netstat_grep", json!({"pids": [pid]})),
    ] {
        let said = out(&bench.result(action, on(&sshd, parameters)).await);
        assert!(said.as_str().unwrap().contains("st2d"), "{action}: {said}");
    }
    bench.result("netstat", on(&sshd, json!({"args": "-t -l -n"}))).await;
    let said = out(&bench.result("vmstat", on(&sshd, json!({}))).await);
    assert!(said.as_str().unwrap().contains("swap"), "{said}");

    let name = format!("st2t{}", std::process::id());
    fs::copy("/bin/sleep", here.path().join(&name)).unwrap();
    let mut victim = Command::new(here.path().join(&name)).arg("300").stdin(Stdio::null()).spawn().unwrap();
    bench.result("pkill", on(&sshd, json!({"process": name}))).await;
    eventually("its end", Duration::from_secs(20), async || victim.try_wait().unwrap()).await;

    let wanted = json!({"source": "a b", "dest_server": "h;id", "destination": "/d e", "env": faked});
    let said = out(&bench.result("rsync", on(&sshd, wanted)).await);
    let words = "rsync\n<-e>\n<ssh -o ConnectTimeout=30>\n<-avz>\n<-->\n<a>\n<b>\n<h;id:/d e>";
    assert_eq!(said, words);
    let mut wanted = on(&sshd, json!({"host": "-h;id", "hops": 7, "env": faked}));
    wanted["queries_to_hop"] = json!(2);
    let said = out(&bench.result("traceroute", wanted).await);
    assert_eq!(said, "traceroute\n<-q>\n<2>\n<-m>\n<7>\n<-->\n<-h;id>");
    let wanted = json!({"act": "status", "service": "some;id", "env": faked});
    let said = out(&bench.result("service", on(&sshd, wanted)).await);
    assert!(
        said == "service\n<some;id>\n<status>" || said == "systemctl\n<status>\n<-->\n<some;id>",
        "{said}"
    );

    let args = format!("-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -P {}", sshd.port);
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).unwrap().unwrap().name;
    let wanted = json!({
        "source": format!("{dir}/rsync"), "dest_server": "127.0.0.1", "destination": format!("{dir}/copied"),
        "args": args, "keyfile": sshd.path("id"), "username": user,
    });
    bench.result("scp", on(&sshd, wanted)).await;
    assert_eq!(fs::read(here.path().join("copied")).unwrap(), fs::read(here.path().join("rsync")).unwrap());

    let wanted =
        json!({"hostname": "-f;x", "nameserver": "::1", "queryopts": "short,tcp", "count": 3, "env": faked});
    let said = bench.result("dig", wanted).await;
    assert_eq!(said["result"], json!(["dig", "<@::1>", "<+short>"]));
    if !std::env::split_paths(&std::env::var_os("PATH").unwrap())
        .any(|directory| directory.join("dig").exists())
    {
        let missing = bench.run("dig", json!({"hostname": "h"})).await;
        assert_eq!(missing["status"], "failed");
        assert!(missing["result"]["result"].as_str().unwrap().starts_with("Can't find dig"), "{missing}");
    }
    let reach = |port: u16| {
        json!({"hostname": "127.0.0.1", "port": port, "username": user, "keyfile": sshd.path("id"), "retries": 2,
            "sleep_delay": 0, "ssh_timeout": 20})
    };
    assert_eq!(bench.result("wait_for_ssh", reach(sshd.port)).await["result"], true);
    let never = bench.run("wait_for_ssh", reach(1)).await;
    assert!(never["result"]["stderr"].as_str().unwrap().contains("Exceeded max retries (2)"), "{never}");
    bench.all_were_run().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn examples() {
    let Some(sshd) = Sshd::start().await else { return };
    let mut bench = Bench::start("examples").await;
    let made = bench.st2.run("packs.setup_virtualenv", json!({"packs": ["examples"]})).await;
    assert_eq!(made["status"], "succeeded", "{made}");
    let here = tempfile::tempdir().unwrap();
    fake(here.path(), "ping");
    let path = format!("{}:{}", here.path().display(), std::env::var("PATH").unwrap());

    let few = json!({"count": 3, "sleep_delay": 0.01});
    for kind in ["local_command", "local_script"] {
        let said = bench.result(&format!("{kind}_runner_print_to_stdout_and_stderr"), few.clone()).await;
        assert_eq!(
            (&said["stdout"], &said["stderr"]),
            (&json!("stdout line 2"), &json!("stderr line 1\nstderr line 3"))
        );
    }
    for kind in ["remote_command", "remote_script"] {
        let action = format!("{kind}_runner_print_to_stdout_and_stderr");
        let said = bench.result(&action, on(&sshd, few.clone())).await;
        assert_eq!(said["127.0.0.1"]["stdout"], "stdout line 2");
    }
    let said = bench.result("python_runner_print_to_stdout_and_stderr", few).await;
    assert_eq!(said["stdout"], "stdout -> Line: 2\n");
    for (action, parameters) in
        [("local-random-exit", json!({})), ("remote-random-exit", on(&sshd, json!({})))]
    {
        let ended = bench.run(action, parameters).await;
        let result =
            if action.starts_with("remote") { &ended["result"]["127.0.0.1"] } else { &ended["result"] };
        assert_eq!(ended["status"] == "succeeded", result["return_code"] == 0, "{ended}");
    }
    assert_eq!(bench.result("local-notify", json!({"cmd": "echo 7"})).await["stdout"], 7);
    let said = bench.result("ping", json!({"count": 1, "env": {"PATH": path}})).await;
    assert_eq!(said["stdout"], "ping\n<-c>\n<1>\n<127.0.0.1>");
    let said = bench.result("env_reader", json!({})).await;
    assert!(said["stdout"].as_str().unwrap().ends_with("status: running"), "{said}");
    let said = bench.result("greet_shell", json!({"name": "World"})).await;
    assert_eq!(said["stdout"], "Hello, World!");
    let said = bench.result("secret_parameter", json!({"password": "12345"})).await;
    assert_eq!(said["stdout"], "It has 5 characters");
    let site = Site::start(|asked| {
        reply("200 OK", "Content-Type: application/json\r\n", &format!("[{:?}]", asked.target))
    })
    .await;
    let said = bench.result("weather", json!({"city": "Ústí/n L", "service": site.url("")})).await;
    assert_eq!(said["body"], json!(["/%C3%9Ast%C3%AD/n%20L?format=j1"]));

    for (action, parameters, result) in [
        ("isprime", json!({"value": 97}), json!(true)),
        ("object_return", json!({}), json!({"a": "b", "c": {"d": "e", "f": 1, "g": true}})),
        ("json_string_to_object", json!({"json_str": "{\"a\": [1]}"}), json!({"a": [1]})),
        ("yaml_string_to_object", json!({"yaml_str": "a: [1]"}), json!({"a": [1]})),
        ("python_runner_print", json!({"count": 2}), json!({"lines": 2})),
        ("print_config", json!({}), json!("us-east-1")),
        (
            "python-mock-core-remote",
            json!({"hosts": "a.b, c", "cmd": "x"}),
            json!({
                "a.b": {"failed": false, "succeeded": true, "stderr": "", "stdout": "x", "return_code": 0},
                "c": {"failed": false, "succeeded": true, "stderr": "", "stdout": "x", "return_code": 0},
            }),
        ),
    ] {
        assert_eq!(bench.result(action, parameters).await["result"], result, "{action}");
    }
    let made = bench.result("python-mock-create-vm", json!({"vm_name": "v", "ip": "10.0.0.1"})).await;
    assert_eq!(made["result"]["10.0.0.1"], json!({"vm_name": "v", "cpu_cores": 1, "memory_mb": 1024}));
    fs::write(here.path().join("f.json"), "{\"k\": [null]}").unwrap();
    let file = json!({"file_path": here.path().join("f.json")});
    let said = bench.result("python_runner_load_and_print_fixture", file).await;
    assert_eq!(said["result"], json!({"k": [null]}));
    for action in ["python_runner_print_python_version", "python_runner_print_python_environment"] {
        let said = bench.result(action, json!({})).await;
        assert!(said["stdout"].as_str().unwrap().contains("virtualenvs/examples/"), "{said}");
    }
    let said = bench.result("remote-fib", on(&sshd, json!({"end": 10}))).await;
    assert_eq!(said["127.0.0.1"]["stdout"], json!([1, 1, 2, 3, 5, 8]));

    let host = Windows::start(Login::Basic, |line| {
        prints(if line.starts_with("ps:") { "{\"days\": 3}" } else { "10.0.0.1" })
    })
    .await;
    let login = json!({
        "host": "127.0.0.1", "port": host.site.address.port(), "scheme": "http", "transport": "basic",
        "username": USER, "password": PASSWORD,
    });
    for action in ["winrm_get_ipconfig", "winrm_powershell_env", "winrm_get_uptime"] {
        bench.result(action, login.clone()).await;
    }
    assert_eq!(
        host.lines()[..2],
        ["ipconfig /all", "ps: Get-Item Env:ST2_WINRM_ENV_TEST | ConvertTo-Json -Depth 1 -Compress"]
    );
    assert!(
        host.seen.lock().unwrap().shells[1]
            .contains("<rsp:Variable Name=\"ST2_WINRM_ENV_TEST\">This is a test</rsp:Variable>")
    );
    bench.all_were_run().await;
}
