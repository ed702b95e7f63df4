//! Orders while it runs: the admin address, the file read again, the log moved away.

use crate::harness::{Balance, Client, eventually, exchange};
use crate::target::Target;

#[test]
fn targets_are_registered_and_taken_away() {
    let (a, b) = (Target::start(), Target::start());
    let balance = Balance::start(&["--target", &a.address.to_string()]);
    balance.wait_for_healthy(1);
    let (status, body) =
        balance.admin("POST", "/targets", &format!("{{\"address\": \"{}\", \"weight\": 3}}", b.address));
    assert_eq!(status, 201, "{body}");
    balance.wait_for_healthy(2);
    let again =
        balance.admin("POST", "/targets", &format!("{{\"address\": \"{}\", \"weight\": 1}}", b.address));
    assert_eq!((again.0, balance.targets()[1]["weight"].as_u64()), (200, Some(1)));
    let mut client = Client::to(balance.address);
    let (first, second) = (client.ask("GET", "/"), client.ask("GET", "/"));
    assert_ne!(first.expect("an answer"), second.expect("an answer"), "they take turns");
    assert_eq!(balance.admin("DELETE", &format!("/targets/{}", a.address), "").0, 202);
    eventually("it is gone", || balance.targets().len() == 1);
    assert_eq!(client.ask("GET", "/"), Ok(b.pid().to_string()));
    for (method, path, body, status) in [
        ("DELETE", "/targets/127.0.0.1:1", "", 404),
        ("DELETE", "/targets/x", "", 400),
        ("POST", "/targets", "{\"address\": \"x\"}", 400),
        ("POST", "/targets", "{\"adress\": \"127.0.0.1:1\"}", 400),
        ("PUT", "/targets", "", 405),
        ("GET", "/nothing", "", 404),
        ("GET", "/health", "", 200),
    ] {
        let answer = balance.admin(method, path, body);
        assert_eq!(answer.0, status, "{method} {path}: {}", answer.1);
    }
    let (status, metrics) = balance.admin("GET", "/metrics", "");
    assert!(status == 200 && metrics.contains("balancer_requests_total{class=\"2xx\"} 3"), "{metrics}");
    // A page in a browser is nobody to take orders from.
    let from_a_page = "DELETE /targets/x HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil\r\n\r\n";
    assert!(exchange(balance.admin, from_a_page).starts_with("HTTP/1.1 403"));
    assert!(
        exchange(balance.admin, "GET /targets HTTP/1.1\r\nHost: evil.example\r\n\r\n")
            .starts_with("HTTP/1.1 403")
    );
}

#[test]
fn the_file_is_read_again_and_only_what_changed_changes() {
    let (a, b, c) = (Target::start(), Target::start(), Target::start());
    let directory = tempfile::tempdir().expect("a directory");
    let (file, log) = (directory.path().join("b.toml"), directory.path().join("access.log"));
    let write = |targets: &str, more: &str| {
        let text = format!(
            "listen = [\"127.0.0.1:0\"]\ntarget = [{targets}]\ncheck-interval = \"200ms\"\ncheck-timeout = \"200ms\"\n\
             access-log = \"{}\"\n{more}",
            log.display()
        );
        std::fs::write(&file, text).expect("written");
    };
    write(&format!("\"{}\", \"{}\"", a.address, b.address), "");
    let balance = Balance::start(&["--config", &file.to_string_lossy()]);
    balance.wait_for_healthy(2);
    // Registered by hand: the file does not know it, and leaves it alone.
    balance.admin("POST", "/targets", &format!("{{\"address\": \"{}\"}}", c.address));
    balance.wait_for_healthy(3);
    let mut client = Client::to(balance.address);
    client.ask("GET", "/").expect("an answer");
    write(&format!("\"{},weight=5\"", b.address), "retries = 0\n");
    balance.signal("HUP");
    eventually("one has left", || balance.targets().len() == 2);
    assert!(balance.targets().iter().all(|target| target["state"] == "healthy"), "nothing was checked anew");
    assert_eq!(balance.targets()[0]["weight"], 5);
    client.ask("GET", "/").expect("its connection went on");
    // A file with a mistake changes nothing, and says which.
    write("\"nonsense\"", "");
    balance.signal("HUP");
    eventually("it says what is wrong", || balance.log().contains("not reloaded"));
    assert!(balance.log().contains("b.toml:2"), "{}", balance.log());
    assert_eq!(balance.targets().len(), 2);
    // A log that was moved away is opened anew.
    write(&format!("\"{}\"", b.address), "");
    std::fs::rename(&log, directory.path().join("access.log.1")).expect("moved");
    balance.signal("HUP");
    eventually("there is a new one", || log.exists());
    client.ask("GET", "/").expect("an answer");
    eventually("and it is written to", || std::fs::read_to_string(&log).is_ok_and(|text| !text.is_empty()));
}
