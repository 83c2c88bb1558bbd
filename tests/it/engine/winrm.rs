//! Commands and scripts on Windows hosts, which a server of ours plays at the level of HTTP.

use crate::support::{
    daemon::{Home, TestDaemon},
    processes::eventually,
    site::{Certificate, Reply, Site, reply},
    windows::{Does, Login, PASSWORD, USER, Windows, prints},
};
use serde_json::{Value, json};
use std::{fs, io::Write, os::unix::fs::PermissionsExt, time::Duration};

const SOON: Duration = Duration::from_secs(20);

/// Parameters that let in.
fn on(site: &Site, transport: &str, more: Value) -> Value {
    let mut all = json!({
        "host": site.address.ip().to_string(), "port": site.address.port(), "username": USER, "password": PASSWORD,
        "transport": transport, "scheme": if site.url("/").starts_with("https") { "https" } else { "http" },
    });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    all
}

fn error_of(execution: &Value) -> &str {
    assert_eq!(execution["status"], "failed", "{execution}");
    execution["result"]["error"].as_str().unwrap_or_else(|| panic!("no error in {execution}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_runs_in_a_shell_of_its_own_that_is_taken_away() {
    let st2 = TestDaemon::start().await;
    let host = Windows::start(Login::Basic, |line| {
        if line == "json" {
            return prints("{\"a\": [1, 2]}");
        }
        let pieces = vec![
            ("stdout", b"one\r\n".to_vec()),
            ("stderr", b"oh\r\n".to_vec()),
            ("stdout", "zw\u{f6}lf\r\n".into()),
        ];
        Does::Prints(pieces, 4_294_967_295)
    })
    .await;
    let wanted =
        json!({"cmd": "dir <&> \"x\"", "cwd": "C:\\a & b", "env": {"A<": "1 > 0", "N": 5, "T": true}});
    let id = st2.request_action("core.winrm_cmd", on(&host.site, "basic", wanted)).await;
    let ended = st2.wait_for_end(&id).await;
    let expected = json!({
        "failed": true, "succeeded": false, "return_code": 4_294_967_295_u32, "stdout": "one\r\nzw\u{f6}lf\r\n",
        "stderr": "oh\r\n",
    });
    assert_eq!((&ended["status"], &ended["result"]), (&json!("failed"), &expected));
    assert_eq!(ended["parameters"]["password"], "********");
    assert_eq!(host.lines(), ["dir <&> \"x\""]);
    assert_eq!(host.actions(), ["Create", "Command", "Receive", "Receive", "Receive", "Signal", "Delete"]);
    assert_eq!(host.open_shells(), 0);
    let shell = host.seen.lock().unwrap().shells[0].clone();
    for part in [
        "<rsp:WorkingDirectory>C:\\a &amp; b</rsp:WorkingDirectory>",
        "<rsp:Variable Name=\"A&lt;\">1 &gt; 0</rsp:Variable>",
        "<rsp:Variable Name=\"N\">5</rsp:Variable>",
        "<rsp:Variable Name=\"T\">true</rsp:Variable>",
        "<w:Option Name=\"WINRS_CODEPAGE\">65001</w:Option>",
    ] {
        assert!(shell.contains(part), "{part} in {shell}");
    }
    // One connection was enough, and the lines were streamed as they came.
    assert!(host.site.asked().iter().all(|asked| asked.connection == 0));
    assert_eq!(String::from_utf8(st2.output(&id).await).unwrap(), "one\r\noh\r\nzw\u{f6}lf\r\n");
    let ended = st2.run("core.winrm_cmd", on(&host.site, "plaintext", json!({"cmd": "json"}))).await;
    assert_eq!((&ended["status"], &ended["result"]["stdout"]), (&json!("succeeded"), &json!({"a": [1, 2]})));
}

#[tokio::test(flavor = "multi_thread")]
async fn ntlm_logs_in_and_seals_what_tls_does_not() {
    let certificate = Certificate::new();
    let mut bundle = tempfile::NamedTempFile::new().unwrap();
    bundle.write_all(certificate.authority.as_bytes()).unwrap();
    let config = format!("http_runner.ca_bundle = {:?}", bundle.path());
    let st2 = TestDaemon::start().with_config(&config).await;
    let plain = Windows::start(Login::Ntlm, |_| prints("hello")).await;
    for user in [USER.to_owned(), format!("CORP\\{USER}")] {
        let ended = st2
            .run("core.winrm_cmd", on(&plain.site, "ntlm", json!({"cmd": "hidden", "username": user})))
            .await;
        assert_eq!(
            (&ended["status"], &ended["result"]["stdout"]),
            (&json!("succeeded"), &json!("hello")),
            "{ended}"
        );
    }
    assert_eq!(plain.lines(), ["hidden", "hidden"]);
    assert!(plain.site.asked().iter().all(|asked| !asked.text().contains("hidden")));
    assert_eq!(plain.open_shells(), 0);
    let secure = Windows::start_tls(&certificate, Login::NtlmUnsealed, |_| prints("hello")).await;
    let ended = st2.run("core.winrm_cmd", on(&secure.site, "ntlm", json!({"cmd": "ver"}))).await;
    assert_eq!(
        (&ended["status"], &ended["result"]["stdout"]),
        (&json!("succeeded"), &json!("hello")),
        "{ended}"
    );
    let wrong =
        st2.run("core.winrm_cmd", on(&plain.site, "ntlm", json!({"cmd": "x", "password": "no"}))).await;
    assert_eq!(error_of(&wrong), "the specified credentials were rejected by the server");
    let wrong =
        st2.run("core.winrm_cmd", on(&secure.site, "ntlm", json!({"cmd": "x", "username": "no"}))).await;
    assert_eq!(error_of(&wrong), "the specified credentials were rejected by the server");
    let basic = Windows::start(Login::Basic, |_| prints("")).await;
    let refused = st2.run("core.winrm_cmd", on(&basic.site, "ntlm", json!({"cmd": "x"}))).await;
    assert!(error_of(&refused).contains("it offers Basic realm=\"WSMAN\""), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_checked_unless_the_action_says_otherwise() {
    let st2 = TestDaemon::start().await;
    let host = Windows::start_tls(&Certificate::new(), Login::Basic, |_| prints("in")).await;
    let ended = st2.run("core.winrm_cmd", on(&host.site, "ssl", json!({"cmd": "x"}))).await;
    assert!(error_of(&ended).contains("CERTIFICATE_VERIFY_FAILED"), "{ended}");
    let ended =
        st2.run("core.winrm_cmd", on(&host.site, "ssl", json!({"cmd": "x", "verify_ssl_cert": false}))).await;
    assert_eq!((&ended["status"], &ended["result"]["stdout"]), (&json!("succeeded"), &json!("in")));
}

#[tokio::test(flavor = "multi_thread")]
async fn powershell_runs_and_its_errors_become_readable() {
    let st2 = TestDaemon::start().await;
    let host = Windows::start(Login::Basic, |line| {
        if line == "ps: Get-It" {
            return prints("it\r\n");
        }
        let xml = "#< CLIXML\r\n<Objs xmlns=\"x\"><S S=\"Error\">no such thing_x000D__x000A_</S></Objs>";
        Does::Prints(
            vec![("stderr", xml.as_bytes()[..20].to_vec()), ("stderr", xml.as_bytes()[20..].to_vec())],
            1,
        )
    })
    .await;
    let ended = st2.run("core.winrm_ps_cmd", on(&host.site, "basic", json!({"cmd": "Get-It"}))).await;
    assert_eq!((&ended["status"], &ended["result"]["stdout"]), (&json!("succeeded"), &json!("it\r\n")));
    let id = st2.request_action("core.winrm_ps_cmd", on(&host.site, "basic", json!({"cmd": "Get-No"}))).await;
    let ended = st2.wait_for_end(&id).await;
    assert_eq!((&ended["status"], &ended["result"]["stderr"]), (&json!("failed"), &json!("no such thing")));
    assert_eq!(st2.output(&id).await, b"no such thing");
}

/// A home with the pack `win`, whose action `script` runs this.
fn home(script: &str) -> Home {
    let home = Home::new();
    let pack = home.data_dir().join("packs/win");
    fs::create_dir_all(pack.join("actions")).unwrap();
    let manifest = "ref: win\nname: win\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@b.c\n";
    fs::write(pack.join("pack.yaml"), manifest).unwrap();
    fs::write(pack.join("actions/script.ps1"), script).unwrap();
    let metadata = "name: script\nrunner_type: winrm-ps-script\nentry_point: script.ps1\nparameters:\n  name: {type: \
                    string}\n  flag: {type: boolean}\n  first: {type: string, position: 0}\n";
    fs::write(pack.join("actions/script.yaml"), metadata).unwrap();
    fs::set_permissions(home.data_dir(), fs::Permissions::from_mode(0o700)).unwrap();
    home
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_script_is_one_command_with_its_parameters() {
    let st2 = TestDaemon::start().with_home(&home("\u{feff}param($name)\r\necho $name\r\n")).await;
    let host = Windows::start(Login::Basic, |_| prints("done")).await;
    let wanted = json!({"name": "a \"b\" $c", "flag": true, "first": "it's"});
    let ended = st2.run("win.script", on(&host.site, "basic", wanted)).await;
    assert_eq!(ended["status"], "succeeded", "{ended}");
    let line = "ps: & {param($name)\necho $name\n} -name \"a `\"b`\" `$c\" -flag $true \"it`'s\"";
    assert_eq!(host.lines(), [line]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_script_is_uploaded_run_and_taken_away() {
    let script = "# \u{fc}berl\u{e4}nge\n".repeat(700);
    let st2 = TestDaemon::start().with_home(&home(&script)).await;
    let host = Windows::start(Login::Ntlm, |_| prints("done")).await;
    let ended = st2.run("win.script", on(&host.site, "ntlm", json!({"name": "n"}))).await;
    assert_eq!(
        (&ended["status"], &ended["result"]["stdout"]),
        (&json!("succeeded"), &json!("done")),
        "{ended}"
    );
    let lines = host.lines();
    assert_eq!(lines.len(), 3 + script.len().div_ceil(2048));
    assert_eq!(
        lines[lines.len() - 2],
        "ps: & \"C:\\Temp Dir\\x.1\\script.ps1\" -name \"n\" -flag $null \"\""
    );
    assert!(lines.last().unwrap().ends_with("Remove-Item -Force -Recurse -Path \"C:\\Temp Dir\\x.1\""));
    assert_eq!((host.files(), host.open_shells()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_uploaded_is_the_script() {
    let script = format!("{}exit 3\n", "# \u{fc}berl\u{e4}nge\n".repeat(700));
    let st2 = TestDaemon::start().with_home(&home(&script)).await;
    let host = Windows::start(Login::Basic, |line| {
        if line.contains("script.ps1") {
            Does::Faults("The WS-Management service is tired.", 7)
        } else {
            prints("")
        }
    })
    .await;
    // The script is taken away all the same; what it was is known from what was sent.
    let ended = st2.run("win.script", on(&host.site, "basic", json!({}))).await;
    let words = "The WS-Management service is tired. (extended fault data: {'transport_message': 'Bad HTTP response \
                 returned from server. Code 500', 'http_status_code': 500, 'wsmanfault_code': 7, 'fault_code': \
                 's:Receiver', 'fault_subcode': 'w:X'})";
    assert_eq!(error_of(&ended), words);
    let pieces = host.lines().into_iter().filter(|line| line.contains("Add-Content"));
    let sent: Vec<u8> = pieces
        .flat_map(|line| {
            use base64::Engine;
            base64::engine::general_purpose::STANDARD.decode(line.split('"').nth(1).unwrap()).unwrap()
        })
        .collect();
    assert_eq!(String::from_utf8(sent).unwrap(), script);
    assert_eq!((host.files(), host.open_shells()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_takes_too_long_is_ended_over_there() {
    let st2 = TestDaemon::start().await;
    // Each message may take as long as the command: enough for a busy machine to answer all but the last.
    let ends = async |does: Does, stdout: Value, receives: usize| {
        let host = Windows::start(Login::Basic, move |_| does.clone()).await;
        let ended =
            st2.run("core.winrm_cmd", on(&host.site, "basic", json!({"cmd": "x", "timeout": 6}))).await;
        let expected =
            json!({"failed": true, "succeeded": false, "return_code": -1, "stdout": stdout, "stderr": ""});
        assert_eq!((&ended["status"], &ended["result"]), (&json!("timeout"), &expected));
        let actions = host.actions();
        assert_eq!(actions[actions.len() - 2..], ["Signal", "Delete"]);
        assert_eq!(actions.iter().filter(|action| *action == "Receive").count(), receives);
        assert_eq!(host.open_shells(), 0);
    };
    tokio::join!(ends(Does::Hangs(b"[1]"), json!([1]), 3), ends(Does::Sleeps, json!(""), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_ends_the_command_over_there() {
    let st2 = TestDaemon::start().await;
    let host = Windows::start(Login::Ntlm, |_| Does::Sleeps).await;
    let id = st2.request_action("core.winrm_cmd", on(&host.site, "ntlm", json!({"cmd": "x"}))).await;
    eventually("the question for output", SOON, async || {
        host.actions().contains(&"Receive".to_owned()).then_some(())
    })
    .await;
    st2.delete(&format!("/v1/executions/{id}")).await.expect(200);
    assert_eq!(st2.wait_for_end(&id).await["status"], "canceled");
    assert_eq!(host.actions(), ["Create", "Command", "Receive", "Signal", "Delete"]);
    assert_eq!(host.open_shells(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_told_in_the_words_of_the_python_client() {
    let st2 = TestDaemon::start().await;
    let host = Windows::start(Login::Basic, |_| Does::Breaks).await;
    let ended =
        st2.run("core.winrm_cmd", on(&host.site, "basic", json!({"cmd": "x", "password": "wrong"}))).await;
    assert_eq!(error_of(&ended), "the specified credentials were rejected by the server");
    let ended = st2.run("core.winrm_cmd", on(&host.site, "basic", json!({"cmd": "x"}))).await;
    assert!(error_of(&ended).contains("Connection aborted."), "{ended}");
    assert_eq!(host.open_shells(), 0);
    let odd = Site::start(|asked| match asked.header("authorization") {
        Some(_) if asked.text().contains("Create") => reply("503 Busy", "", "come back later"),
        _ => Reply::HangUp,
    })
    .await;
    let ended = st2.run("core.winrm_cmd", on(&odd, "basic", json!({"cmd": "x"}))).await;
    assert_eq!(error_of(&ended), "Bad HTTP response returned from server. Code 503");
    let html = Site::start(|_| reply("200 OK", "", "<html>hello</html>")).await;
    let ended = st2.run("core.winrm_cmd", on(&html, "basic", json!({"cmd": "x"}))).await;
    assert!(error_of(&ended).contains("without a ShellId"), "{ended}");
    for (parameters, words) in [
        (json!({"transport": "kerberos"}), "transport \"kerberos\" is not supported by st2d"),
        (json!({"transport": "credssp"}), "transport \"credssp\" is not supported by st2d"),
        (json!({"timeout": 0}), "read_timeout_sec must exceed operation_timeout_sec"),
        (json!({"host": "a/b"}), "Invalid target URL"),
        (json!({"host": "u@h"}), "Invalid target URL"),
        (json!({"scheme": "ftp"}), "Invalid target URL"),
        (json!({"port": 70000}), "between 1 and 65535"),
        (json!({"username": ""}), "auth method basic requires a username"),
        (json!({"cmd": "a\u{1}"}), "U+0001"),
        (json!({"env": {"A": "\u{b}"}}), "U+000B"),
        (json!({"port": 1}), "Failed to establish a new connection"),
    ] {
        let mut all = on(&host.site, "basic", json!({"cmd": "x"}));
        all.as_object_mut().unwrap().extend(parameters.as_object().unwrap().clone());
        let ended = st2.run("core.winrm_cmd", all).await;
        assert!(error_of(&ended).contains(words), "{parameters}: {ended}");
    }
}
