use proptest::prelude::*;

use super::*;

/// Checks the parsed file as it is printed.
#[track_caller]
fn check(source: &str, expect: &str) {
    match parse(source.as_bytes()) {
        Ok(file) => assert_eq!(file.to_string(), expect, "{source}"),
        Err(error) => panic!("{}", error.render("Dockerfile", source)),
    }
}

/// The same after a FROM.
#[track_caller]
fn check_one(instruction: &str, expect: &str) {
    check(&format!("FROM scratch\n{instruction}"), &format!("FROM scratch\n{expect}\n"));
}

/// Removes positions, which differ between a file and the same file printed.
fn without_places(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(fields) => {
            fields.remove("span");
            fields.remove("empty_continuations");
            fields.remove("check");
            fields.remove("syntax");
            if fields.contains_key("instruction") {
                fields.remove("keyword");
                fields.remove("text");
            }
            fields.remove("as_word");
            fields.values_mut().for_each(without_places);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(without_places),
        _ => {}
    }
}

fn meaning(file: &Dockerfile) -> serde_json::Value {
    let mut value = file.dump();
    without_places(&mut value);
    value
}

#[test]
fn array_like_words_stay_words() {
    let file = parse(b"FROM a\nCOPY [\"b c\r\", \"d\"]\n").unwrap();
    assert_eq!(meaning(&parse(file.to_string().as_bytes()).unwrap()), meaning(&file));
}

#[test]
fn lines_are_joined_and_comments_skipped() {
    check_one("run echo a", "RUN echo a");
    check_one("RUN a \\\n  b", "RUN a   b");
    check_one("RUN a \\  \t\n  # no\n# no\n\n  b\\\n", "RUN a   b");
    check_one("RUN a \\\r\n  b\r\n", "RUN a   b");
    check_one("RUN echo \\\\\nRUN b", "RUN echo \\\\\nRUN b");
    check_one("  \t RUN   echo  #  no comment", "RUN echo  #  no comment");
    check_one("\\\nRUN a", "RUN a");
    check("\u{feff}FROM a\n", "FROM a\n");
    check(
        "# escape=`\n# syntax=docker/dockerfile:1\nFROM a\nRUN b `\n c:\\\nRUN d\\\n",
        "# escape=`\nFROM a\nRUN b  c:\\\nRUN d\\\n",
    );
    check("# a comment\n# escape=`\nFROM a\nRUN b \\\n c", "FROM a\nRUN b  c\n");
    let file = parse(b"FROM a\nRUN b \\\n\n  # c\n\n d\n").unwrap();
    assert_eq!(file.empty_continuations.iter().map(|place| place.line).collect::<Vec<_>>(), [3, 5]);
}

#[test]
fn directives_are_parsed() {
    let directives = |source: &str| parse(source.as_bytes()).unwrap().directives;
    let found = directives("# SYNTAX = docker/dockerfile:1.7 \n#check=skip=all;error=true\nFROM a\n");
    assert_eq!(found.syntax.as_deref(), Some("docker/dockerfile:1.7"));
    assert_eq!(found.check.as_deref(), Some("skip=all;error=true"));
    assert!(parse(b"#check=skip=all; error=true\nFROM a\n").unwrap().warnings_are_errors());
    assert_eq!(directives("\n# check=skip=all\nFROM a").check, None, "an empty line ends them");
    assert_eq!(directives("# unknown=1\n# escape=`\nFROM a").escape, '\\', "so does a comment");
}

#[test]
fn every_instruction_is_parsed() {
    for instruction in [
        "FROM --platform=linux/arm64 busybox:1.36 AS build-1.x_y",
        "ARG A B=1 C=\"two words\"",
        "ENV A=1 B=\"two words\" C=a\\ b",
        "ENV PATH /usr/bin:$PATH and more",
        "LABEL \"com.example\"=\"a b\"",
        "WORKDIR /a b",
        "COPY a b /c/",
        "COPY [\"a b\",\"/c d\"]",
        "COPY --from=0 --chown=1:2 --chmod=755 --exclude=*.md --exclude=x --link . /d",
        "ADD a.tar.gz /",
        "RUN --mount=type=cache,target=/c --mount=type=tmpfs,target=/t --network=none make && x",
        "RUN [\"a\",\"b c\"]",
        "RUN -- --looks-like-a-flag",
        "CMD node app.js",
        "CMD []",
        "ENTRYPOINT [\"node\"]",
        "EXPOSE 80 443/udp $PORT",
        "USER 1000:staff",
        "VOLUME [\"/a\",\"/b c\"]",
        "SHELL [\"/bin/bash\",\"-c\"]",
        "STOPSIGNAL SIGTERM",
        "HEALTHCHECK --interval=1m30s --timeout=1.5s --start-period=2h0m0s --start-interval=5s --retries=3 CMD curl -f x",
        "HEALTHCHECK --interval=500ms CMD [\"true\"]",
        "HEALTHCHECK NONE",
        "ONBUILD COPY . /app",
        "ONBUILD RUN <<EOF\na\nEOF",
        "MAINTAINER Ada Lovelace <ada@example.com>",
    ] {
        check_one(instruction, instruction);
        check_one(
            &instruction.to_string().replacen(
                instruction.split(' ').next().unwrap(),
                &instruction.split(' ').next().unwrap().to_lowercase(),
                1,
            ),
            instruction,
        );
    }
    check_one("VOLUME /a /b", "VOLUME [\"/a\",\"/b\"]");
    check_one("HEALTHCHECK --interval=90s --timeout=0s CMD a", "HEALTHCHECK --interval=1m30s CMD a");
    check_one("RUN --mount=\"type=cache,target=/a b\" x", "RUN --mount=\"type=cache,target=/a b\" x");
    check_one("CMD [\"a\", 'b']", "CMD [\"a\", 'b']");
    check_one("RUN [ -f x ] && y", "RUN [ -f x ] && y");
    check_one("COPY --link=false a b", "COPY a b");
    check_one("ENV X=\"a", "ENV X=\"a");
}

#[test]
fn heredocs_contain_the_following_lines() {
    check_one("RUN <<EOF\n a\n# b\n\\\nEOF\nRUN c", "RUN <<EOF\n a\n# b\n\\\nEOF\nRUN c");
    check_one("RUN cat <<A 3<<-'B' > /x\n1\nA\n\t\t2\n\tB", "RUN cat <<A 3<<-'B' > /x\n1\nA\n\t\t2\nB");
    check_one("COPY x <<a.txt <<-\"b\" /d/\n$1\na.txt\n\t2\n\tb\n", "COPY x <<a.txt <<-\"b\" /d/\n$1\na.txt\n\t2\nb");
    // None of these is a here-document.
    for plain in ["RUN echo \"<<EOF\"", "RUN a <<<b", "RUN echo $((1 << 2))", "RUN [\"cat\",\"<<EOF\"]", "CMD <<EOF"]
    {
        check_one(plain, plain);
    }
    let file = parse(b"FROM a\nRUN <<-'X'\n\t\ta $b\r\n\tX\n").unwrap();
    let Kind::Run(run) = &file.instructions[1].kind else { panic!() };
    let [heredoc] = run.heredocs.as_slice() else { panic!() };
    assert_eq!(
        (heredoc.expand, heredoc.content.as_str(), heredoc.text().as_str()),
        (false, "\t\ta $b\r\n", "a $b\r\n")
    );
    assert_eq!(heredoc.name.span, Span::at(2, 5, 6));
}

/// The Dockerfile of the course, with the complete output of the parser.
#[test]
fn dump_of_a_dockerfile() {
    let source = "FROM node:14 AS app\nARG PORT=6000\nENV PORT=$PORT\nEXPOSE $PORT\nWORKDIR /app-node\nCOPY . .\nRUN npm \\\n  install\nENTRYPOINT [\"npm\", \"start\"]\n";
    insta::assert_json_snapshot!(parse(source.as_bytes()).unwrap().dump());
}

#[test]
fn long_files_are_parsed_quickly() {
    let words = "a ".repeat(400_000);
    let pairs = "a=\"b\" ".repeat(150_000);
    let strings = format!("[{}\"z\"]", "\"a\",".repeat(200_000));
    let lines = "a \\\n".repeat(200_000);
    for long in [
        format!("EXPOSE {words}"),
        format!("ENV {pairs}"),
        format!("COPY {strings}"),
        format!("RUN {lines}"),
        format!("RUN {words}"),
    ] {
        parse(format!("FROM a\n{long}").as_bytes()).unwrap();
    }
    assert!(parse(&vec![b'#'; LARGEST + 1]).is_err());
    assert!(parse("FROM a\n".repeat(MOST_INSTRUCTIONS + 1).as_bytes()).is_err());
    let nested = format!("FROM a\nCMD {}", "[".repeat(500_000));
    parse(nested.as_bytes()).unwrap();
}

/// Random instructions, made of words that have a meaning for the parser.
fn any_line() -> impl Strategy<Value = String> {
    let keyword = prop::sample::select(Keyword::ALL.map(Keyword::name).to_vec());
    let piece = prop::sample::select(vec![
        "a",
        "b=c",
        "=",
        "\"x y\"",
        "'q'",
        "[\"a\", \"b\"]",
        "[",
        "--from=a",
        "--chmod=7",
        "--link",
        "--",
        "--mount=type=cache,target=/x",
        "$V",
        "${V:-w}",
        "\\ ",
        "\\\n",
        "\\\\",
        "#",
        "AS",
        "CMD",
        "NONE",
        "RUN",
        "COPY",
        "<<E\nl\nE",
        "\t",
        "--interval=3s",
        "é",
        ",",
        "/",
    ]);
    (keyword, prop::collection::vec(piece, 0..6))
        .prop_map(|(keyword, pieces)| format!("{keyword} {}", pieces.join(" ")))
}

proptest! {
    #[test]
    fn arbitrary_bytes_do_not_panic(bytes: Vec<u8>) {
        if let Err(error) = parse(&bytes) {
            error.render("Dockerfile", &String::from_utf8_lossy(&bytes));
        }
    }

    #[test]
    fn dockerfile_round_trips_through_text(lines in prop::collection::vec(any_line(), 1..4)) {
        let source = format!("FROM base\n{}\n", lines.join("\n"));
        match parse(source.as_bytes()) {
            Err(error) => prop_assert!(error.span.start.line >= 1, "{}", error.render("Dockerfile", &source)),
            Ok(file) => {
                let printed = file.to_string();
                // An escape character at the very end cannot be printed on one line.
                let at_end = |instruction: &Instruction| (instruction.to_string() + "\n").contains("\\\n");
                if file.instructions.iter().any(at_end) {
                    return Ok(());
                }
                let again = parse(printed.as_bytes()).map_err(|error| TestCaseError::fail(format!("{source}\n{}", error.render("Dockerfile", &printed))))?;
                prop_assert_eq!(meaning(&again), meaning(&file), "{}\n{}", source, printed);
            }
        }
    }

    /// The text at each word's position is the word.
    #[test]
    fn source_positions_are_correct(words in prop::collection::vec("[a-zé]{1,5}", 1..6), breaks in prop::collection::vec(any::<bool>(), 6)) {
        let mut source = "FROM a\nEXPOSE".to_owned();
        for (word, cut) in words.iter().zip(breaks) {
            source += if cut { " \\\n \t" } else { "  " };
            source += word;
        }
        let file = parse(source.as_bytes()).unwrap();
        let Kind::Expose(found) = &file.instructions[1].kind else { panic!() };
        prop_assert_eq!(found.len(), words.len());
        for word in found {
            let line = source.lines().nth(word.span.start.line - 1).unwrap();
            let text: String = line.chars().skip(word.span.start.column - 1).take(word.span.end.column - word.span.start.column).collect();
            prop_assert_eq!(&text, &word.text);
        }
    }
}
