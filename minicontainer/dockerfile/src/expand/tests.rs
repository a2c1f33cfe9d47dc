//! The cases of the tests of BuildKit's lexer (`frontend/dockerfile/shell`), rewritten: the result of expanding a
//! word with PWD=/home, SHELL=bash, KOREAN=한국어 and NULL empty.

use proptest::prelude::*;

use super::*;

fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

#[track_caller]
fn check_with(pairs: &[(&str, &str)], word: &str, expect: Option<&str>) {
    let expanded = expand(word, '\\', Quotes::Remove, &variables(pairs));
    assert_eq!(expanded.as_ref().ok().map(|expansion| expansion.text.as_str()), expect, "{word:?}: {expanded:?}");
}

#[track_caller]
fn check(word: &str, expect: &str) {
    let pairs = [("PWD", "/home"), ("SHELL", "bash"), ("KOREAN", "한국어"), ("NULL", "")];
    check_with(&pairs, word, Some(expect));
    // The same after text with several bytes per character.
    check_with(&pairs, &format!("안녕{word}"), Some(&format!("안녕{expect}")));
}

#[track_caller]
fn refuse(word: &str) {
    check_with(&[("PWD", "/home"), ("FOO", "xxyy")], word, None);
}

#[test]
fn quotes_and_escapes() {
    for (word, expect) in [
        ("hello", "hello"),
        ("he'll'o", "hello"),
        (r"he\'llo", "he'llo"),
        (r"abc\tdef", "abctdef"),
        (r#""abc\tdef""#, r"abc\tdef"),
        (r"'abc\tdef'", r"abc\tdef"),
        (r"hello\", "hello"),
        (r"hello\\", r"hello\"),
        (r#""hel'lo""#, "hel'lo"),
        (r"'hello\'", r"hello\"),
        (r#""''""#, "''"),
        (r#"'"hello"'"#, r#""hello""#),
        ("'$PWD'", "$PWD"),
        (r"'\$PWD'", r"\$PWD"),
        (r#""he\$PWD""#, "he$PWD"),
        (r"'he\$PWD'", r"he\$PWD"),
        ("'he${XX}'", "he${XX}"),
    ] {
        check(word, expect);
    }
    for word in ["he'llo", r"he\\'llo", "\"hello", r#""hello\""#, "'hello", "he${PWD:-'}"] {
        refuse(word);
    }
}

#[test]
fn variables_and_substitutions() {
    for (word, expect) in [
        ("$.", "$."),
        ("he$", "he$"),
        ("$1", ""),
        ("he$1x", "hex"),
        ("he$pwd.", "he."),
        ("he$PWD", "he/home"),
        (r"he\$PWD", "he$PWD"),
        (r"he\\$PWD", r"he\/home"),
        (r#""he\$PWD""#, "he$PWD"),
        (r"he\${}", "he${}"),
        (r"he\${}xx", "he${}xx"),
        ("he${hi}xx", "hexx"),
        ("he${PWD}", "he/home"),
        ("he${XXX:-000}xx", "he000xx"),
        ("he${PWD:-000}xx", "he/homexx"),
        ("he${XXX:-$PWD}xx", "he/homexx"),
        ("he${XXX:-${PWD:-yyy}}xx", "he/homexx"),
        ("he${XXX:-${YYY:-yyy}}xx", "heyyyxx"),
        ("he${XXX:+${PWD}}xx", "hexx"),
        ("he${PWD:+${XXX}}xx", "hexx"),
        ("he${PWD:+${SHELL}}xx", "hebashxx"),
        ("he${XXX:+000}xx", "hexx"),
        ("he${PWD:+000}xx", "he000xx"),
        ("he${PWD:+${PWD}:}xx", "he/home:xx"),
        (r"he${XXX:-\$PWD:}xx", "he$PWD:xx"),
        (r"he${XXX:-\${PWD}z}xx", "he${PWDz}xx"),
        ("\"he'$PWD'\"", "he'/home'"),
        ("he${NULL-000}xx", "hexx"),
        ("he${NULL:-000}xx", "he000xx"),
        ("he${NULL+000}xx", "he000xx"),
        ("he${NULL:+000}xx", "hexx"),
        ("he${NULL?no}xx", "hexx"),
        ("$KOREAN", "한국어"),
        ("${@}$*", ""),
    ] {
        check(word, expect);
    }
    for word in
        ["${}", "${}xx", "${.}", "${", "${PWD", "${PWD:=000}", "${PWD=000}", "${PWD:YYY}", "${{PWD}", "${:PWD}"]
    {
        refuse(word);
    }
    for word in ["${NO?}", "${NO:?message}", "${PWD:-${NO?}}x"] {
        refuse(word);
    }
}

#[test]
fn required_variable_reports_its_message() {
    let fault =
        |word| expand(word, '\\', Quotes::Remove, &variables(&[("E", ""), ("X", "x")])).unwrap_err().to_string();
    assert_eq!(fault("${VAR:?message here$X}"), "VAR: message herex");
    assert_eq!(fault("${VAR?}"), "VAR: is not allowed to be unset");
    assert_eq!(fault("${E:?}"), "E: is not allowed to be empty");
}

#[test]
fn patterns_are_removed_and_replaced() {
    let check = |word: &str, value: &str, second: &str, expect: &str| {
        check_with(&[("FOO", value), ("BAR", second)], word, Some(expect));
    };
    check(r"${FOO#()[]{\}^$.\*\?|\\}", r"()[]{}^$.*?|\x", "", "x");
    check(r"${FOO%%\**}", "xx**", "", "xx");
    check("${FOO#*x*y}", "xxyy", "", "y");
    check("${FOO#*}", "xxyy", "", "xxyy");
    check("${FOO##*}", "xxyy", "", "");
    check("${FOO#$BAR}", "xxyy", "x", "xyy");
    check("${FOO#$BAR}", "xxyy", "", "xxyy");
    check("${FOO##*x}", "xxyy", "", "yy");
    check("${FOO##}", "xxyy", "", "xxyy");
    check(r"${FOO#?\?}", "???y", "", "?y");
    check("${FOO%x}.", "xxyy", "", "xxyy.");
    check("${FOO%y*}", "xxyy", "", "xxy");
    check("${FOO%%y*}", "xxyy", "", "xx");
    check(r"${FOO%%\**\*}", "a***yy*", "", "a");
    check("${FOO%.*}", "a.tar.gz", "", "a.tar");
    check("${FOO%%.*}", "a.tar.gz", "", "a");
    check("${FOO/$BAR/.} - ${FOO//$BAR/.}", "/foo*/*/*.txt", r"\*/", "/foo.*/*.txt - /foo..*.txt");
    check("${FOO/$BAR/} - ${FOO//$BAR/}", "/tmp/tmp/bar.txt", "/tmp", "/tmp/bar.txt - /bar.txt");
    check("${FOO/$BAR//}|${FOO//$BAR//}", "/a/foo/b/c.txt", "/?/", "/foo/b/c.txt|/foo/c.txt");
    check("${FOO/$BAR/https://}", "http://go.de", "http://", "https://go.de");
    check(r"${FOO//\//\/}", "/tmp/foo.txt", "", r"\/tmp\/foo.txt");
    check("${FOO/$BAR/ww}", "xxyy", "", "wwxxyy");
    check("${FOO//$BAR/-}", "xy", "", "-x-y-");
    check("${FOO//x*/-}", "axxb", "", "a-");
    check("${FOO///}", "xxyy", "", "xxyy");
    check("${FOO/*/a}", "xxyy", "", "a");
    for word in ["${FOO//ww}", "${FOO//}", r"${FOO#\x}", r"${FOO#a\\\}", "${FOO/a/b"] {
        refuse(word);
    }
}

#[test]
fn unquoted_spaces_split_words() {
    let check = |word: &str, expect: &[&str]| {
        let pairs = [("hi", "hi"), ("space", "abc  def"), ("leading", "  ab c"), ("trailing", "ab c   ")];
        assert_eq!(expand(word, '\\', Quotes::Remove, &variables(&pairs)).unwrap().words, expect, "{word}");
    };
    check("hello${no}bye", &["hellobye"]);
    check("hello${space}bye", &["helloabc", "defbye"]);
    check(r#"hello"${space}"bye"#, &["helloabc  defbye"]);
    check(r#"hello "${space}"bye"#, &["hello", "abc  defbye"]);
    check("hello${leading}def", &["hello", "ab", "cdef"]);
    check(r#"hello"${leading}" def"#, &["hello  ab c", "def"]);
    check("hello${trailing}d", &["helloab", "c", "d"]);
    check(r#"hello"${trailing}"d"#, &["helloab c   d"]);
    check(r#"hello" there  ""#, &["hello there  "]);
    check(r"hello\ there", &["hello there"]);
    check(r#"hello\" there"#, &["hello\"", "there"]);
    check("  ", &[]);
}

#[test]
fn looked_up_variables_are_reported() {
    let seen =
        expand("${FOO:-a} ${BAR:+b} ${BAZ}", '\\', Quotes::Remove, &variables(&[("FOO", "x"), ("BAR", "")])).unwrap();
    assert_eq!(seen.text, "x  ");
    assert_eq!(seen.matched, BTreeSet::from(["BAR".to_owned(), "FOO".to_owned()]));
    assert_eq!(seen.unmatched, BTreeSet::from(["BAZ".to_owned()]));
}

#[test]
fn custom_escape_and_literal_quotes() {
    let values = variables(&[("PWD", "/home")]);
    let text = |word, escape, quotes| expand(word, escape, quotes, &values).unwrap().text;
    assert_eq!(text(r"C:\$PWD`$PWD", '`', Quotes::Remove), r"C:\/home$PWD");
    assert_eq!(text(r#"it's "$PWD" \$PWD"#, '\\', Quotes::Literal), r#"it's "/home" $PWD"#);
}

#[test]
fn expansion_size_and_depth_are_limited() {
    let long = variables(&[("A", &"a".repeat(LONGEST))]);
    assert_eq!(expand("$A$A", '\\', Quotes::Remove, &long), Err(ExpandError::TooLong));
    assert_eq!(expand("\"$A$A\"", '\\', Quotes::Remove, &long), Err(ExpandError::TooLong));
    assert_eq!(expand("${A//a/aa}", '\\', Quotes::Remove, &long), Err(ExpandError::TooLong));
    assert_eq!(expand("${A//*b*c*d*e/x}", '\\', Quotes::Remove, &long), Err(ExpandError::TooManySteps));
    let deep = "${X:-".repeat(100_000);
    assert_eq!(expand(&deep, '\\', Quotes::Remove, &long), Err(ExpandError::TooDeep));
}

proptest! {
    #[test]
    fn expansion_does_not_panic(word in "[$ {}:?+#%/\\\\'\"*a-cFO-]{0,40}", value in "[a-c/*]{0,12}") {
        let values = variables(&[("FOO", &value), ("a", "")]);
        let _ = expand(&word, '\\', Quotes::Remove, &values);
        let _ = expand(&word, '`', Quotes::Literal, &values);
    }

    #[test]
    fn plain_text_is_unchanged(word in "[a-z0-9/.=, 안-힣-]{0,40}") {
        prop_assert_eq!(expand(&word, '\\', Quotes::Remove, &BTreeMap::new()).unwrap().text, word);
    }

    /// A slow reference implementation: tries every length.
    #[test]
    fn removed_prefix_is_shortest_or_longest(pattern in "[ab*?]{0,6}", value in "[ab]{0,8}") {
        fn matches(pattern: &[char], text: &[char]) -> bool {
            match pattern.split_first() {
                None => text.is_empty(),
                Some(('*', rest)) => (0..=text.len()).any(|skip| matches(rest, &text[skip..])),
                Some(('?', rest)) => !text.is_empty() && matches(rest, &text[1..]),
                Some((one, rest)) => text.first() == Some(one) && matches(rest, &text[1..]),
            }
        }
        let parsed = Pattern::parse(&pattern).unwrap();
        let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), value.chars().collect());
        let ends: Vec<usize> = (0..=text.len()).filter(|end| matches(&pattern, &text[..*end])).collect();
        let starts: Vec<usize> = (0..=text.len()).filter(|start| matches(&pattern, &text[*start..])).collect();
        let from = |start: Option<&usize>| text[start.copied().unwrap_or(0)..].iter().collect::<String>();
        let to = |end: Option<&usize>| text[..end.copied().unwrap_or(text.len())].iter().collect::<String>();
        prop_assert_eq!(parsed.without_prefix(&value, false).unwrap(), from(ends.first()));
        prop_assert_eq!(parsed.without_prefix(&value, true).unwrap(), from(ends.last()));
        prop_assert_eq!(parsed.without_suffix(&value, false).unwrap(), to(starts.last()));
        prop_assert_eq!(parsed.without_suffix(&value, true).unwrap(), to(starts.first()));
    }
}
