//! What k6 2.2.1 makes of URLs: `response.request.url` and `response.error` of `http.get(URL)`.

use super::Address;

#[test]
fn urls_are_written_as_k6_writes_them() {
    for (text, want) in [
        ("HTTP://host/echo", "http://host/echo"),
        ("http://h", "http://h"),
        ("http://h?q", "http://h?q"),
        ("http://h/..", "http://h/.."),
        ("http://h/a/../b", "http://h/a/../b"),
        ("http://h/a//b", "http://h/a//b"),
        ("http://h/a b", "http://h/a%20b"),
        ("http://h/é", "http://h/%C3%A9"),
        ("http://h/a|b", "http://h/a%7Cb"),
        ("http://h/a\\b", "http://h/a%5Cb"),
        ("http://h/a^b`", "http://h/a%5Eb%60"),
        ("http://h/a'b", "http://h/a'b"),
        ("http://h/a%2fb", "http://h/a%2fb"),
        ("http://h/{x}", "http://h/%7Bx%7D"),
        ("http://h/a?x=y z", "http://h/a?x=y z"),
        ("http://h/a?x=\"<>", "http://h/a?x=\"<>"),
        ("http://h/a?é=中", "http://h/a?é=中"),
        ("http://h/a?", "http://h/a?"),
        ("http://h/a#frag", "http://h/a#frag"),
        ("http://us%40er:p%3Aw@h/e", "http://us%40er:p%3Aw@h/e"),
        ("http://é.invalid/", "http://%C3%A9.invalid/"),
        ("http://", "http:"),
        ("http:///x", "http:///x"),
        (" ", "%20"),
        ("foo", "foo"),
        ("//h/echo", "//h/echo"),
        ("mailto:a@b", "mailto:a@b"),
        ("javascript:1", "javascript:1"),
    ] {
        assert_eq!(Address::parse(text).expect(text).to_string(), want, "{text}");
    }
}

#[test]
fn what_is_no_url_is_refused_in_k6s_words() {
    for (text, why) in [
        ("http://h/%zz", "invalid URL escape \"%zz\""),
        ("http://h:abc/", "invalid port \":abc\" after host"),
        ("http://[::1", "missing ']' in host"),
        ("http://a b/", "invalid character \" \" in host name"),
        ("http://h\n/x", "net/url: invalid control character in URL"),
        (" http://h/", "first path segment in URL cannot contain colon"),
        (":x", "missing protocol scheme"),
        ("http://%41.invalid/", "invalid URL escape \"%41\""),
    ] {
        let error = Address::parse(text).expect_err(text);
        assert_eq!(error, format!("parse {text:?}: {why}"));
    }
}

#[test]
fn references_lead_where_a_redirect_leads() {
    let base = Address::parse("http://u:p@h:1/a/b?q#f").expect("base");
    for (reference, want) in [
        ("/echo", "http://u:p@h:1/echo"),
        ("relative/x", "http://u:p@h:1/a/relative/x"),
        ("?x=1", "http://u:p@h:1/a/b?x=1"),
        ("#g", "http://u:p@h:1/a/b?q#g"),
        ("", "http://u:p@h:1/a/b?q#f"),
        ("//other/x", "http://other/x"),
        ("ftp://x/y", "ftp://x/y"),
        ("../../c", "http://u:p@h:1/c"),
        ("./", "http://u:p@h:1/a/"),
    ] {
        assert_eq!(base.join(reference).expect(reference).to_string(), want, "{reference}");
    }
    assert_eq!(base.masked(), "http://****:****@h:1/a/b?q#f");
    assert_eq!((base.target(), base.host_header()), ("/a/b?q".to_owned(), "h:1".to_owned()));
    assert_eq!(Address::parse("http://é.x:8/").expect("host").host_header(), "xn--9ca.x:8");
}

#[test]
fn a_plain_url_is_one_without_credentials() {
    for (text, plain) in [
        ("http://h", true),
        ("https://a-b.test:8080/x/y?z=1&t=~a_b", true),
        ("http://h:/x", true),
        ("http://u@h/", false),
        ("http://h/a b", false),
        ("http://h/%zz", false),
        ("http:///x", false),
        ("ftp://h/", false),
        ("//h/", false),
    ] {
        assert_eq!(Address::is_plain(text), plain, "{text}");
    }
    for byte in 0..=127u8 {
        for before in ["http://", "http://h", "http://h:", "http://h/", "http://h/a?"] {
            let text = format!("{before}{}x", char::from(byte));
            if Address::is_plain(&text) {
                let address = Address::parse(&text).expect(&text);
                assert!(address.user.is_none() && !address.host.is_empty(), "{text}");
            }
        }
    }
}
