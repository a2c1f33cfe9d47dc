use super::*;

const PASSWD: &str = "\
root:x:0:0:root:/root:/bin/sh
ada:x:1000:1001:Ada,,,:/home/ada:/bin/sh
ada:x:7:7:the second of this name:/:/bin/sh
1234:x:0:0:a name that looks like an id:/root:/bin/sh
homeless:x:50:50:::
sparse:x:60:60
broken:x:zero:0::/:
gap:x::0::/:
plus:x:+0:0::/:
huge:x:4294967295:0::/:
99999999999:x:0:0::/root:/bin/sh
";
const GROUP: &str = "\
root:x:0:root
ada:x:1001:
staff:x:20:ada, homeless
wheel:x:10:root,ada
again:x:20:ada
4321:x:0:
lost:x:none:lonely
";

#[track_caller]
fn check(user: &str, uid: u32, gid: u32, groups: &[u32], home: &str) {
    let spec: UserSpec = user.parse().unwrap_or_else(|error| panic!("{error}"));
    let resolved = resolve_user(&spec, PASSWD, GROUP).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(resolved, ResolvedUser { uid, gid, groups: groups.to_vec(), home: home.to_owned() });
    assert_eq!(spec.to_string().parse(), Ok(spec));
}

#[test]
fn user_names_are_looked_up() {
    check("root", 0, 0, &[0, 10], "/root");
    check("ada", 1000, 1001, &[1001, 20, 10], "/home/ada");
    check("homeless", 50, 50, &[50, 20], "/");
    check("sparse", 60, 60, &[60], "/");
}

#[test]
fn ids_without_an_account_are_accepted() {
    check("0", 0, 0, &[0, 10], "/root");
    check("1000", 1000, 1001, &[1001, 20, 10], "/home/ada");
    check("5555", 5555, 0, &[0], "/");
    check("2147483647", MOST_ID, 0, &[0], "/");
    let nobody_known = resolve_user(&UserSpec::default(), "", "").unwrap();
    assert_eq!(nobody_known, ResolvedUser { uid: 0, gid: 0, groups: vec![0], home: "/".to_owned() });
}

#[test]
fn number_is_never_looked_up_as_a_name() {
    check("1234", 1234, 0, &[0], "/");
    check("0:4321", 0, 4321, &[4321], "/root");
}

#[test]
fn explicit_group_replaces_supplementary_groups() {
    check("ada:wheel", 1000, 10, &[10], "/home/ada");
    check("ada:5", 1000, 5, &[5], "/home/ada");
    check("5555:staff", 5555, 20, &[20], "/");
    check("5555:5555", 5555, 5555, &[5555], "/");
}

/// The first rows are E43 of the hostile corpus.
#[test]
fn invalid_users_are_rejected() {
    let unreadable = [
        "4294967296",
        "2147483648",
        "99999999999",
        "-1",
        "0x0",
        "0 ",
        " 0",
        "1000:",
        ":1000",
        ":",
        "",
        "+1",
        "0:-1",
        "0:2147483648",
        "a b",
        "a:b:c",
        "../root",
        "$",
        "-ada",
        "é",
        "root\0",
        "root\n",
        "1e3",
        "0:0x0",
    ];
    let unknown = ["nobody", "ada$", "root:nobody", "broken", "gap", "plus", "huge", "root:lost"];
    let mut table: Vec<String> = Vec::new();
    table.extend(unreadable.map(|text| text.parse::<UserSpec>().unwrap_err().to_string()));
    table.extend(unknown.map(|text| resolve_user(&text.parse().unwrap(), PASSWD, GROUP).unwrap_err().to_string()));
    let passwd = "lonely:x:1:1::/:\nnul:x:2:2::/a\0b:\n";
    table.extend(
        ["lonely", "nul"].map(|text| resolve_user(&text.parse().unwrap(), passwd, GROUP).unwrap_err().to_string()),
    );
    insta::assert_snapshot!(table.join("\n"));
}
