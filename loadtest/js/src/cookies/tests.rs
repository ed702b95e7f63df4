//! Which cookies go back to whom.

use super::*;

const NOW: i64 = 1_700_000_000;

fn jar(url: &str, lines: &[&str]) -> CookieJar {
    let jar = CookieJar::default();
    let headers: Vec<_> = lines.iter().map(|l| ("Set-Cookie".to_owned(), (*l).to_owned())).collect();
    jar.store(url, &headers, || NOW);
    jar
}

fn names(jar: &CookieJar, url: &str) -> String {
    jar.cookies(url, NOW).iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_cookie_goes_back_to_its_host_path_and_scheme() {
    let jar = jar(
        "https://a.test/x/y",
        &["plain=1", "deep=2; Path=/x/y", "safe=3; Secure; Path=/", "wide=4; Domain=.a.test; Path=/"],
    );
    assert_eq!(names(&jar, "https://a.test/x/y/z"), "deep=2 plain=1 safe=3 wide=4");
    assert_eq!(names(&jar, "https://a.test/x/yz"), "plain=1 safe=3 wide=4");
    assert_eq!(names(&jar, "http://a.test/"), "wide=4");
    assert_eq!(names(&jar, "https://b.a.test/x/y"), "wide=4");
    assert_eq!(names(&jar, "https://ba.test/x/y"), "");
}

#[test]
fn foreign_and_broken_cookies_are_refused() {
    let jar =
        jar("http://a.test/", &["x=1; Domain=b.test", "y=2; Domain=est", "=3", "novalue", "q=\"a\\b\""]);
    assert_eq!(names(&jar, "http://a.test/"), "");
    assert_eq!(names(&jar, "http://b.test/"), "");
}

#[test]
fn cookies_expire_and_are_deleted() {
    let jar = jar(
        "http://a.test/",
        &["short=1; Max-Age=10", "old=2; Expires=Wed, 21 Oct 2015 07:28:00 GMT", "k=v"],
    );
    assert_eq!(names(&jar, "http://a.test/"), "short=1 k=v");
    assert_eq!(jar.cookies("http://a.test/", NOW + 10).len(), 1);
    jar.store("http://a.test/", &[("set-cookie".to_owned(), "k=; Max-Age=0".to_owned())], || NOW);
    assert_eq!(names(&jar, "http://a.test/"), "");
}

#[test]
fn own_cookies_come_first_and_may_replace() {
    let jar = jar("http://a.test/", &["a=jar", "b=jar"]);
    let own = |replace| [RequestCookie { name: "a".to_owned(), value: "own".to_owned(), replace }];
    let line = |url: &str, own: &[RequestCookie]| cookie_header(&jar.merged(url, own, || NOW));
    assert_eq!(line("http://a.test/", &own(false)), "a=own; a=jar; b=jar");
    assert_eq!(line("http://a.test/", &own(true)), "a=own; b=jar");
    assert_eq!(line("http://c.test/", &[]), "");
}

#[test]
fn dates_of_http() {
    assert_eq!(parse_http_date("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
    assert_eq!(parse_http_date("Wed, 21 Oct 2015 07:28:00 GMT"), Some(1_445_412_480));
    assert_eq!(parse_http_date("Wed, 21-Oct-2015 07:28:00 GMT"), Some(1_445_412_480));
    assert_eq!(parse_http_date("Wed, 21-Oct-15 07:28:00 GMT"), None, "as k6 2.2.1");
    assert_eq!(parse_http_date("Tue, 29 Feb 2000 23:59:59 GMT"), Some(951_868_799));
    assert_eq!(parse_http_date("tomorrow"), None);
}
