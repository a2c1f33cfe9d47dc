//! The messages of the command in one file, `snapshots/messages.snap`, so that a person can read them in one go and
//! hear whether they have one voice.

use crate::{build, errors};

#[test]
fn messages_have_one_voice() {
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
