//! `http-request` against a real server on this machine, which sees every byte.

use crate::support::{
    daemon::TestDaemon,
    processes::eventually,
    site::{Asked, Certificate, Reply, Site, reply},
};
use serde_json::{Value, json};
use std::{io::Write, time::Duration};

const SOON: Duration = Duration::from_secs(20);

async fn http(st2: &TestDaemon, parameters: Value) -> Value {
    st2.run("core.http", parameters).await
}

fn json_reply(body: &str) -> Reply {
    reply("200 OK", "Content-Type: application/json; charset=utf-8\r\n", body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_sent_and_its_answer_shaped_as_the_python_client_does() {
    let st2 = TestDaemon::start().await;
    let site = Site::start(|asked| match asked.target.as_str() {
        "/none" => Reply::Bytes(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()),
        "/text" => reply("200 OK", "Content-Type: text/plain\r\n", "{\"a\": 1}"),
        _ => reply(
            "200 OK",
            "Content-Type: application/json\r\nX-Request-ID: 7\r\netag: \"x\"\r\nX-Two: 1\r\nx-two: 2\r\n",
            "{\"b\": 1, \"a\": [1.50, null]}",
        ),
    })
    .await;
    let ended = http(
        &st2,
        json!({
            "url": site.url("/p?x=1"),
            "params": {"q": "a b", "list": [1, 2]},
            "headers": {"Content-Type": "application/json", "X-Mine": "yes"},
            "cookies": {"c": "1", "d": "two"},
            "username": "u", "password": "p",
            "body": "{'key': True, 'n': [1, 2]}",
        }),
    )
    .await;
    let expected = json!({
        "status_code": 200,
        "body": {"b": 1, "a": [1.5, null]},
        "parsed": true,
        "headers": {
            "Content-Type": "application/json", "X-Request-ID": "7", "etag": "\"x\"", "X-Two": "1, 2",
            "Content-Length": "27",
        },
    });
    assert_eq!((&ended["status"], &ended["result"]), (&json!("succeeded"), &expected));
    let asked: Asked = site.asked().remove(0);
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/p?x=1&q=a+b&list=1&list=2"));
    assert_eq!(asked.text(), "{\"key\":true,\"n\":[1,2]}");
    for (name, value) in [
        ("host", site.address.to_string().as_str()),
        ("user-agent", "st2/v3.9.0"),
        ("x-stanley-action", "http"),
        ("x-mine", "yes"),
        ("cookie", "c=1; d=two"),
        ("authorization", "Basic dTpw"),
        ("accept", "*/*"),
        ("content-length", "22"),
    ] {
        assert_eq!(asked.header(name), Some(value), "{name}");
    }
    let none = http(&st2, json!({"url": site.url("/none"), "method": "DELETE"})).await;
    let result = json!({"status_code": 204, "body": "", "parsed": false, "headers": {}});
    assert_eq!((&none["status"], &none["result"]), (&json!("succeeded"), &result));
    let text = http(&st2, json!({"url": site.url("/text")})).await;
    assert_eq!((&text["result"]["body"], &text["result"]["parsed"]), (&json!("{\"a\": 1}"), &json!(false)));
    assert_eq!(site.asked()[2].method, "GET");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_code_of_the_answer_makes_the_status() {
    let st2 = TestDaemon::start().await;
    let site = Site::start(|asked| {
        let code = asked.target.trim_start_matches('/');
        reply(&format!("{code} Whatever"), "Location: /200\r\n", "")
    })
    .await;
    for (code, status) in [
        ("200", "succeeded"),
        ("201", "succeeded"),
        ("206", "succeeded"),
        ("207", "failed"),
        ("302", "failed"),
        ("307", "failed"),
        ("404", "failed"),
        ("503", "failed"),
    ] {
        let ended = http(&st2, json!({"url": site.url(&format!("/{code}"))})).await;
        assert_eq!(ended["status"], status, "{code}");
        assert_eq!(ended["result"]["status_code"].to_string(), code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_are_followed_when_asked_for_with_cookies_but_without_credentials_for_others() {
    let st2 = TestDaemon::start().await;
    let other = Site::start(|_| json_reply("\"other\"")).await;
    let away = other.url("/other");
    let site = Site::start(move |asked| match asked.target.as_str() {
        "/begin" => reply("302 Found", "Location: /next\r\nSet-Cookie: s=1; Path=/; HttpOnly\r\n", ""),
        "/keep" => reply("307 Temporary", "Location: /end\r\n", ""),
        "/away" => reply("301 Moved", &format!("Location: {away}\r\n"), ""),
        "/loop" => reply("302 Found", "Location: /loop\r\n", ""),
        "/ftp" => reply("302 Found", "Location: ftp://x/\r\n", ""),
        _ => json_reply("\"end\""),
    })
    .await;
    let follow = |path: &str| {
        json!({"url": site.url(path), "method": "POST", "body": "b", "allow_redirects": true,
            "cookies": {"own": "o"}, "username": "u", "password": "p"})
    };
    let ended = http(&st2, follow("/begin")).await;
    assert_eq!((&ended["status"], &ended["result"]["body"]), (&json!("succeeded"), &json!("end")));
    let next = site.asked()[1].clone();
    assert_eq!((next.method.as_str(), next.target.as_str(), next.text().as_str()), ("GET", "/next", ""));
    assert_eq!(next.header("cookie"), Some("own=o; s=1"));
    assert_eq!(next.header("authorization"), Some("Basic dTpw"));
    http(&st2, follow("/keep")).await;
    let kept = site.asked().pop().unwrap();
    assert_eq!((kept.method.as_str(), kept.text().as_str()), ("POST", "b"));
    let ended = http(&st2, follow("/away")).await;
    assert_eq!(ended["result"]["body"], "other");
    assert_eq!(other.asked()[0].header("authorization"), None);
    let ended = http(&st2, follow("/loop")).await;
    assert_eq!(
        (&ended["status"], &ended["result"]["error"]),
        (&json!("failed"), &json!("Exceeded 30 redirects."))
    );
    let ended = http(&st2, follow("/ftp")).await;
    assert_eq!(ended["result"]["error"], "No connection adapters were found for 'ftp://x/'");
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_a_timeout_and_slowness_is_not() {
    let st2 = TestDaemon::start().await;
    let site = Site::start(|asked| match asked.target.as_str() {
        "/silent" => Reply::Silence,
        "/half" => Reply::Drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx".to_vec(), Duration::ZERO),
        // Longer in all than the time-out, and each byte comes long before it.
        _ => Reply::Drip(
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec(),
            Duration::from_millis(130),
        ),
    })
    .await;
    let ask = async |path: &str| http(&st2, json!({"url": site.url(path), "timeout": 4.5})).await;
    let (silent, half, slow) = tokio::join!(ask("/silent"), ask("/half"), ask("/slow"));
    for ended in [silent, half] {
        assert_eq!(ended["status"], "timeout");
        let error = format!(
            "HTTPConnectionPool(host='127.0.0.1', port={}): Read timed out. (read timeout=4.5)",
            site.address.port()
        );
        assert_eq!(ended["result"], json!({"error": error}));
    }
    assert_eq!((&slow["status"], &slow["result"]["body"]), (&json!("succeeded"), &json!("ok")));
    let ended = http(&st2, json!({"url": site.url("/slow"), "timeout": 0})).await;
    let error = "Attempted to set connect timeout to 0.0, but the timeout cannot be set to a value less than or \
                 equal to 0.";
    assert_eq!((&ended["status"], &ended["result"]["error"]), (&json!("failed"), &json!(error)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_said_in_the_words_of_the_python_client() {
    let st2 = TestDaemon::start().await;
    let site = Site::start(|asked| match asked.target.as_str() {
        "/hangup" => Reply::HangUp,
        _ => Reply::Bytes(b"SSH-2.0-nope\r\n\r\n".to_vec()),
    })
    .await;
    for (url, begin) in [
        (
            "http://127.0.0.1:1/a?b=c".to_owned(),
            "HTTPConnectionPool(host='127.0.0.1', port=1): Max retries exceeded with url: /a?b=c (Caused by \
             NewConnectionError('<urllib3.connection.HTTPConnection object at 0x",
        ),
        (
            "http://no.such.host.invalid/".to_owned(),
            "HTTPConnectionPool(host='no.such.host.invalid', port=80): Max retries exceeded with url: / (Caused by \
             NameResolutionError(",
        ),
        (
            site.url("/hangup"),
            "('Connection aborted.', RemoteDisconnected('Remote end closed connection without response'))",
        ),
        (site.url("/garbage"), "('Connection aborted.', BadStatusLine("),
        ("nope".to_owned(), "Invalid URL 'nope': No scheme supplied. Perhaps you meant https://nope?"),
    ] {
        let ended = http(&st2, json!({"url": url})).await;
        assert_eq!(ended["status"], "failed");
        let error = ended["result"]["error"].as_str().unwrap();
        assert!(error.starts_with(begin), "{url}: {error}");
        assert!(ended["result"].get("traceback").is_some());
    }
    let refused = http(&st2, json!({"url": "http://127.0.0.1:1/"})).await;
    let error = refused["result"]["error"].as_str().unwrap();
    assert!(
        error.ends_with(": Failed to establish a new connection: [Errno 111] ECONNREFUSED'))"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_checked_against_the_bundle_unless_told_otherwise() {
    let certificate = Certificate::new();
    let site = Site::start_tls(&certificate, |_| json_reply("1")).await;
    let st2 = TestDaemon::start().await;
    let ended = http(&st2, json!({"url": site.url("/")})).await;
    assert_eq!(ended["status"], "failed");
    let error = ended["result"]["error"].as_str().unwrap();
    assert!(error.contains("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: "), "{error}");
    let ended = http(&st2, json!({"url": site.url("/"), "verify_ssl_cert": false})).await;
    assert_eq!(ended["result"]["body"], 1, "{ended}");
    let bundle = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(bundle.path(), &certificate.authority).unwrap();
    let config = format!("http_runner.ca_bundle = {:?}", bundle.path());
    let trusting = TestDaemon::start().with_config(&config).await;
    let ended = http(&trusting, json!({"url": site.url("/")})).await;
    assert_eq!((&ended["status"], &ended["result"]["body"]), (&json!("succeeded"), &json!(1)), "{ended}");
    // The name counts, too.
    let url = format!("https://127.0.0.2:{}/", site.address.port());
    let ended = http(&trusting, json!({"url": url})).await;
    assert_eq!(ended["status"], "failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn proxies_of_the_action_and_of_the_environment_are_used() {
    let certificate = Certificate::new();
    let secure = Site::start_tls(&certificate, |_| json_reply("\"secure\"")).await;
    let proxy = Site::start(|asked| match (asked.method.as_str(), asked.header("proxy-authorization")) {
        (_, None) => reply("407 Proxy Authentication Required", "", ""),
        ("CONNECT", _) => Reply::Tunnel,
        _ => json_reply("\"proxied\""),
    })
    .await;
    let with_password = proxy.url("").replace("//", "//user:pass@");
    let st2 = TestDaemon::start().await;
    let ended = http(&st2, json!({"url": "http://far.invalid/x?y=1", "http_proxy": with_password})).await;
    assert_eq!(ended["result"]["body"], "proxied", "{ended}");
    let asked = proxy.asked().pop().unwrap();
    assert_eq!(
        (asked.target.as_str(), asked.header("host")),
        ("http://far.invalid/x?y=1", Some("far.invalid"))
    );
    assert_eq!(asked.header("proxy-authorization"), Some("Basic dXNlcjpwYXNz"));
    let tunnelled = json!({"url": secure.url("/"), "https_proxy": with_password, "verify_ssl_cert": false});
    let ended = http(&st2, tunnelled).await;
    assert_eq!(ended["result"]["body"], "secure", "{ended}");
    assert_eq!(proxy.asked().pop().unwrap().method, "CONNECT");
    let ended = http(&st2, json!({"url": secure.url("/"), "https_proxy": proxy.url("")})).await;
    let error = ended["result"]["error"].as_str().unwrap();
    assert!(error.contains("Tunnel connection failed: 407 Proxy Authentication Required"), "{error}");
    let by_environment = TestDaemon::start().with_env("http_proxy", &with_password).await;
    let ended = http(&by_environment, json!({"url": "http://far.invalid/"})).await;
    assert_eq!(ended["result"]["body"], "proxied", "{ended}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_on_the_lists_are_respected_also_behind_redirects() {
    let site = Site::start(|asked| {
        let port = asked.header("host").unwrap().rsplit(':').next().unwrap().to_owned();
        reply("302 Found", &format!("Location: http://localhost:{port}/\r\n"), "")
    })
    .await;
    let st2 = TestDaemon::start().await;
    let url = site.url("/");
    let cases = [
        (json!({"url_hosts_blacklist": ["127.0.0.1"]}), format!("URL \"{url}\" is blacklisted")),
        (json!({"url_hosts_whitelist": ["example.com"]}), format!("URL \"{url}\" is not whitelisted")),
        (
            json!({"url_hosts_blacklist": ["a"], "url_hosts_whitelist": ["b"]}),
            "\"url_hosts_blacklist\" and \"url_hosts_whitelist\" parameters are mutually exclusive. Only one should \
             be provided."
                .to_owned(),
        ),
        (
            json!({"url_hosts_blacklist": ["localhost"], "allow_redirects": true}),
            format!("URL \"http://localhost:{}/\" is blacklisted", site.address.port()),
        ),
    ];
    for (mut parameters, error) in cases {
        parameters["url"] = json!(url);
        let ended = http(&st2, parameters).await;
        assert_eq!((&ended["status"], &ended["result"]["error"]), (&json!("failed"), &json!(error)));
    }
    let strict = TestDaemon::start().with_config("http_runner.url_hosts_whitelist = [\"example.com\"]").await;
    let ended = http(&strict, json!({"url": url})).await;
    let error = ended["result"]["error"].as_str().unwrap();
    assert!(error.contains("http_runner.url_hosts_whitelist"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_too_large_packed_or_not_fail_with_the_setting_to_change() {
    let st2 = TestDaemon::start().with_config("actionrunner.result_max_bytes = 100000").await;
    let site = Site::start(|asked| {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        let size = if asked.target == "/fits" { 90_000 } else { 10_000_000 };
        gzip.write_all(&vec![b'x'; size]).unwrap();
        let packed = gzip.finish().unwrap();
        if asked.target == "/plain" {
            return reply("200 OK", "", &"x".repeat(100_001));
        }
        let length = packed.len();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n");
        Reply::Bytes([head.into_bytes(), packed].concat())
    })
    .await;
    for path in ["/plain", "/bomb"] {
        let ended = http(&st2, json!({"url": site.url(path)})).await;
        let error = ended["result"]["error"].as_str().unwrap();
        assert!(error.contains("100000 bytes that actionrunner.result_max_bytes allows"), "{error}");
    }
    let ended = http(&st2, json!({"url": site.url("/fits")})).await;
    assert_eq!(ended["result"]["body"].as_str().map(str::len), Some(90_000), "{}", ended["status"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_uploaded_as_a_form() {
    let st2 = TestDaemon::start().await;
    let site = Site::start(|_| json_reply("{}")).await;
    let file = json!({"url": site.url("/"), "file_name": "a.csv", "file_content": "1,2\n",
        "file_content_type": "text/csv"});
    http(&st2, file).await;
    let asked = site.asked().remove(0);
    assert_eq!(asked.method, "POST");
    let boundary =
        asked.header("content-type").unwrap().strip_prefix("multipart/form-data; boundary=").unwrap();
    let expected = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"a.csv\"; filename=\"a.csv\"\r\nContent-Type: \
         text/csv\r\n\r\n1,2\n\r\n--{boundary}--\r\n"
    );
    assert_eq!(asked.text(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_hangs_up() {
    let st2 = TestDaemon::start().await;
    let site = Site::start(|_| Reply::Silence).await;
    let id = st2.request_action("core.http", json!({"url": site.url("/")})).await;
    eventually("the request", SOON, async || (!site.asked().is_empty()).then_some(())).await;
    st2.delete(&format!("/v1/executions/{id}")).await.expect(200);
    let ended = st2.wait_for_end(&id).await;
    assert_eq!(ended["status"], "canceled");
    eventually("the end of the connection", SOON, async || (site.closed() == 1).then_some(())).await;
}
