//! Directives, comments, continued lines, here-documents, variables.

use crate::Case;

pub const DIRECTIVES: &[Case] = &[
    ("Parser directives: the first comment ends them", "# About my dockerfile\n# escape=`\nFROM a\nRUN b \\\n c\n"),
    (
        "Parser directives: an unknown one is a comment",
        "# unknowndirective=value\n# escape=`\nFROM a\nRUN b \\\n c\n",
    ),
    ("Parser directives: after an instruction they are comments", "FROM a\n# escape=`\nRUN b \\\n c\n"),
    ("Parser directives: after an empty line they are comments", "\n# escape=`\nFROM a\nRUN b \\\n c\n"),
    ("Parser directives: one may be used once", "# escape=\\\n# escape=`\nFROM a\n"),
    ("Parser directives: blanks and case are free", "#\t  eScApE=`\nFROM a\nRUN b `\n c\n"),
    ("Parser directives: no continuation within one", "# esc \\\nape=`\nFROM a\n"),
    ("syntax: Docker's own frontend", "# syntax=docker/dockerfile:1.7-labs\nFROM a\n"),
    (
        "syntax: by digest",
        "#syntax=docker/dockerfile@sha256:9e2c9eca7367393aecc68795c671f93466818395a2693498debe831fd67f5e89\nFROM a\n",
    ),
    ("syntax: another frontend cannot be run", "# syntax=example.com/frontend:1\nFROM a\n"),
    ("escape: only these two", "# escape=x\nFROM a\n"),
    ("escape: backtick, so that \\ is plain", "# escape=`\nFROM a\nCOPY testfile.txt c:\\\nRUN dir c:\\\n"),
    ("escape: continued lines with the default", "FROM a\nCOPY testfile.txt c:\\\\\nRUN dir c:\\\n"),
    (
        "splitCommand: flags use the escape character",
        "# escape=`\nFROM a\nRUN --mount=target=/a` b,source=c\\d make\n",
    ),
    ("check: skip one", "# check=skip=JSONArgsRecommended\nFROM a\nCMD b\nENV KEY=1\n"),
    ("check: skip all", "# check=skip=all\nFROM a\nCMD b\nENV KEY=1\n"),
    ("check: names are case-sensitive", "#check=skip=jsonargsrecommended\nFROM a\nCMD b\n"),
    ("check: both options", "# check=skip=JSONArgsRecommended,StageNameCasing;error=true\nFROM a AS B\nCMD b\n"),
    ("ParseLintOptions: unknown option", "# check=warn=true\nFROM a\n"),
    ("ParseLintOptions: no value", "# check=all\nFROM a\n"),
    ("ParseLintOptions: error must be true or false", "# check=skip=all;error=maybe\nFROM a\n"),
];

pub const LINES: &[Case] = &[
    ("Format: instructions are not case-sensitive", "from a\ncOpY b c\n"),
    ("Format: a comment within a command is removed", "RUN echo hello \\\n# comment\nworld"),
    ("Format: # within a line is an argument", "RUN echo 'we are running some # of cool things'"),
    (
        "Format: blanks before comments and instructions",
        "        # this is a comment-line\n    RUN echo hello\nRUN echo world",
    ),
    ("Format: blanks in arguments are kept", "RUN echo \"\\\n     hello\\\n     world\""),
    ("Format: empty continuation lines are warned of", "RUN a \\\n\n  b"),
    ("lineContinuationRegex: blanks after the escape character", "RUN a \\  \n b"),
    ("lineContinuationRegex: an escaped escape character", "RUN a \\\\\nRUN b"),
    ("scanLines: carriage returns", "FROM a\r\nRUN b \\\r\n c\r\n"),
    ("discardBOM", "\u{feff}FROM a\n"),
    ("Parse: no instruction", "# FROM nothing\n"),
    ("Parse: unknown instruction", "FORM b"),
    ("Parse: a continuation that is missing", "RUN a\n&& b"),
    ("Format: must begin with FROM", "RUN a\nFROM b\n"),
];

pub const HEREDOCS: &[Case] = &[
    ("Here-Documents: a script", "RUN <<EOF\napt-get update\napt-get install -y vim\nEOF"),
    ("Here-Documents: another shell", "RUN <<EOF bash\nset -ex\nEOF"),
    ("Here-Documents: an interpreter line", "RUN <<EOF\n#!/usr/bin/env python\nprint(\"hello world\")\nEOF"),
    (
        "Here-Documents: several",
        "RUN <<FILE1 cat > file1 && <<FILE2 cat > file2\nI am\nfirst\nFILE1\nI am\nsecond\nFILE2",
    ),
    ("Here-Documents: variables of a file", "ARG FOO=bar\nCOPY <<EOF /script.sh\necho \"hello ${FOO}\" \\$FOO\nEOF"),
    ("Here-Documents: no variables if quoted", "ARG FOO=bar\nCOPY <<\"EOF\" /script.sh\necho \"hello ${FOO}\"\nEOF"),
    ("Here-Documents: leading tabs", "COPY <<-EOF /x\n\tone\n\t\ttwo\n\tEOF"),
    (
        "TestParseExtractsHeredoc: files by name",
        "COPY <<FILE1 <<'file.txt' /dest/\ncontent 1\nFILE1\ncontent 2\nfile.txt",
    ),
    ("TestParseExtractsHeredoc: empty", "RUN 3<<EMPTY2\nEMPTY2"),
    ("TestParseExtractsHeredoc: a part is quoted", "RUN <<eo'f'\necho foo\neof"),
    ("TestParseExtractsHeredoc: two words", "RUN <<'one two'\necho bar\none two"),
    ("dispatchRun: an interpreter line makes it a file", "RUN <<'one two'\n#!/bin/cat\none two"),
    ("TestParseExtractsHeredoc: a dollar sign", "RUN <<$EOF\n$EOF"),
    ("TestParseExtractsHeredoc: blanks after <<", "RUN <<  EOF\necho foo\nEOF"),
    ("TestParseExtractsHeredoc: blanks, and more behind", "RUN cat << 'EOF' > /foo\n$x\nEOF"),
    ("TestHeredocsFromLine: the dash is a part of the name", "RUN << -EOF\na\n-EOF"),
    ("processPossibleHeredoc: no blank after <<-", "RUN <<- EOF\nRUN b"),
    ("parseSourcesAndDest: words are torn at blanks", "COPY << EOF /x\na\nEOF"),
    ("shell: an operator, not a here-document", "RUN echo $((1 << 2))\nRUN b"),
    ("TestParseHeredocHelpers: none of them", "RUN \"<<NOHEREDOC\" <<<EOF\nCMD <<INVALID"),
    ("TestParseJSONHeredoc", "RUN [\"<<EOF\"]"),
    ("Parse: unterminated", "RUN <<EOF\nEOF \n"),
    ("parseSourcesAndDest: a destination", "COPY a <<EOF\nEOF"),
    ("parseSourcesAndDest: several need a directory", "COPY <<A <<B /x\nA\nB"),
    ("a name that would leave the directory", "COPY <<../x /y/\n../x"),
];

pub const VARIABLES: &[Case] = &[
    ("Environment replacement: the example", "ENV FOO=/bar\nWORKDIR ${FOO}\nADD . $FOO\nCOPY \\$FOO /quux"),
    (
        "Environment replacement: one value for a whole instruction",
        "ENV abc=hello\nENV abc=bye def=$abc\nENV ghi=$abc",
    ),
    (
        "Environment replacement: - and +, set, empty and unset",
        "ENV set=1 empty=\nENV a=${set:-w}${empty:-w}${unset:-w} b=${set-w}${empty-w}${unset-w} \
         c=${set:+w}${empty:+w}${unset:+w} d=${set+w}${empty+w}${unset+w}",
    ),
    (
        "Environment replacement: #, ##, %, %%",
        "ENV str=foobarbaz\nENV a=${str#f*b} b=${str##f*b} c=${str%b*} d=${str%%b*}",
    ),
    ("Environment replacement: / and //", "ENV str=foobarbaz\nENV a=${str/ba/fo} b=${str//ba/fo} c=${str//\\?/x}"),
    ("Environment replacement: nested", "ENV a=1\nENV b=${none:-${a:+x$a}}"),
    ("Environment replacement: escaped", "ENV a=1\nENV b=\\$a c=\\${a} d='$a' e=\"$a\""),
    ("Environment replacement: not in exec form, CMD and RUN", "ENV a=1\nRUN echo $a\nCMD [\"echo\", \"$a\"]"),
    ("Lex: required", "ENV a=\"${b:?set it}\""),
    ("Lex: required and empty", "ENV b=\nENV a=${b:?}"),
    ("Lex: bad substitution", "ENV a=${}"),
    ("Lex: missing brace", "WORKDIR /${a"),
    ("Lex: unsupported modifier", "ENV a=${b^^}"),
    ("Lex: unclosed quote", "LABEL a='b"),
];
