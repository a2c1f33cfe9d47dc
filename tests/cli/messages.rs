//! All error messages of the command in one file, `snapshots/messages.snap`, so that a reviewer can read them
//! together and check that their style is consistent.

use crate::{build, errors};

#[test]
fn error_messages_match_the_snapshot() {
    let parts = [
        ("Commands", errors::messages()),
        ("The command line of build", build::errors::command_line_messages()),
        ("Dockerfiles", build::errors::messages()),
    ];
    let all: Vec<String> = parts.map(|(title, messages)| format!("==== {title}\n\n{messages}")).into();
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("messages", all.join("\n"));
    });
}
