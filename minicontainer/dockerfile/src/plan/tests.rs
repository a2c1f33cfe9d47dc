use minicontainer_core::{explain::Language, image::Config};
use proptest::prelude::*;

use super::*;
use crate::{Dockerfile, DockerfileError, parse};

fn read(source: &str) -> Dockerfile {
    parse(source.as_bytes()).unwrap_or_else(|error| panic!("{}", error.render("Dockerfile", source)))
}

/// Plans a build. Needed images are empty, except the given ones.
fn outcome(source: &str, options: &BuildOptions, configs: &[(&str, Config)]) -> Result<BuildPlan, DockerfileError> {
    let file = read(source);
    let mut bases = Bases::new();
    loop {
        match plan(&file, options, &bases)? {
            Outcome::Plan(plan) => return Ok(plan),
            Outcome::Needs(images) => {
                for image in images {
                    let config = configs
                        .iter()
                        .find(|(name, _)| image.reference.contains(name))
                        .map(|(_, config)| config.clone());
                    let config = ImageConfig { config: config.unwrap_or_default(), ..ImageConfig::default() };
                    let digest = Digest::of(image.reference.as_bytes());
                    assert!(bases.insert(image, BaseImage { digest, config }).is_none(), "asked for twice");
                }
            }
        }
    }
}

fn planned(source: &str) -> BuildPlan {
    outcome(source, &BuildOptions::default(), &[])
        .unwrap_or_else(|error| panic!("{}", error.render("Dockerfile", source)))
}

/// The history of the target, one instruction per line, with `+` before those that create a layer.
#[track_caller]
fn check(source: &str, expect: &[&str]) {
    let history = planned(source).target().image.history.clone();
    let lines: Vec<String> = history
        .iter()
        .map(|entry| format!("{}{}", if entry.empty_layer { "" } else { "+" }, entry.created_by))
        .collect();
    assert_eq!(lines, expect, "{source}");
}

fn options(build_args: &[(&str, &str)]) -> BuildOptions {
    let build_args = build_args.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    BuildOptions { build_args, ..BuildOptions::default() }
}

/// The Dockerfile of the course.
const COURSE: &str = "FROM node:14\nARG PORT=6000\nENV PORT=$PORT\nEXPOSE $PORT\nWORKDIR /app-node\nCOPY . .\nRUN npm install\nENTRYPOINT [\"npm\", \"start\"]\n";

#[test]
fn plan_of_a_dockerfile() {
    insta::assert_json_snapshot!(planned(COURSE));
}

#[test]
fn history_matches_docker() {
    check(
        COURSE,
        &[
            "ARG PORT=6000",
            "ENV PORT=6000",
            "EXPOSE [6000/tcp]",
            "+WORKDIR /app-node",
            "+COPY . .",
            "+RUN |1 PORT=6000 /bin/sh -c npm install",
            "ENTRYPOINT [\"npm\" \"start\"]",
        ],
    );
    check(
        "FROM scratch\nARG A B=\"x y\"\nENV C=\"1 2\" D='3'\nLABEL a=b \"c d\"=e\nUSER 1:2\nVOLUME /a /b\nSHELL [\"/bin/bash\", \"-c\"]\nSTOPSIGNAL SIGINT\nCMD a \"b\"\nHEALTHCHECK --interval=90s --retries=2 CMD curl x\nMAINTAINER Ada\nONBUILD RUN x\nADD --chown=1 --chmod=0644 a.tar <<f /d/\nhi\nf\nRUN <<E\none\ntwo\nE\nWORKDIR /\nEXPOSE 8000-8002/udp 53 80/tcp\n",
        &[
            "ARG A B=x y",
            "ENV C=1 2 D=3",
            "LABEL a=b c d=e",
            "USER 1:2",
            "VOLUME [/a /b]",
            "SHELL [/bin/bash -c]",
            "STOPSIGNAL SIGINT",
            "CMD [\"/bin/bash\" \"-c\" \"a \\\"b\\\"\"]",
            "HEALTHCHECK {Test:[CMD-SHELL curl x] Interval:1m30s Timeout:0s StartPeriod:0s StartInterval:0s Retries:2}",
            "MAINTAINER Ada",
            "+ADD --chown=1 --chmod=0644 a.tar <<f /d/",
            "+RUN |2 A= B=x y /bin/bash -c one\ntwo\n",
            "WORKDIR /",
            "EXPOSE [53/tcp 80/tcp 8000/udp 8001/udp 8002/udp]",
        ],
    );
}

#[test]
fn entrypoint_clears_base_command() {
    let base = Config { cmd: vec!["old".into()], env: vec!["PATH=/x".into(), "A=1".into()], ..Config::default() };
    let config = |rest: &str| {
        let plan =
            outcome(&format!("FROM base\n{rest}"), &BuildOptions::default(), &[("base", base.clone())]).unwrap();
        plan.target().image.config.clone()
    };
    assert_eq!(config("ENTRYPOINT [\"e\"]").cmd, [""; 0]);
    assert_eq!(config("CMD [\"c\"]\nENTRYPOINT [\"e\"]").cmd, ["c"]);
    assert_eq!(config("LABEL a=b").cmd, ["old"]);
    assert_eq!(config("CMD []").cmd, [""; 0]);
    assert_eq!(config("ENV A=2 B=$A").env, ["PATH=/x", "A=2", "B=1"], "one instruction sees what was before it");
}

#[test]
fn build_arguments_are_scoped() {
    let source = "ARG TAG=1 OTHER\nFROM base:$TAG AS one\nARG TAG\nARG LOCAL=a$TAG\nARG OTHER=o\nENV SEEN=$TAG-$LOCAL-$OTHER\nFROM one\nENV CHILD=$LOCAL\nFROM other:x$TAG\nENV NOT=[$LOCAL] PLATFORM=[$TARGETARCH]\nARG TARGETARCH\nENV YES=$TARGETARCH\nCOPY --from=1 /a /b\n";
    let plan = outcome(source, &options(&[("TAG", "9"), ("UNUSED", "x"), ("HTTP_PROXY", "p")]), &[]).unwrap();
    assert_eq!(plan.unused_build_args, ["UNUSED"]);
    let env = |index: usize| plan.stages[index].image.config.env[1..].join(" ");
    assert_eq!(env(0), "SEEN=9-a9-o");
    assert_eq!(env(1), "SEEN=9-a9-o CHILD=a9");
    assert_eq!(env(2), "NOT=[] PLATFORM=[] YES=amd64");
    let Base::Image { request, .. } = &plan.stages[2].base else { panic!() };
    assert_eq!(request.reference, "docker.io/library/other:x9");
}

#[test]
fn run_sees_build_arguments_and_proxies() {
    let source = "FROM a\nENV E=1 K=1\nARG K=2\nARG P\nUSER ada\nRUN --mount=type=cache,target=c,id=$K --mount=type=secret,id=s --network=none x";
    let plan = outcome(source, &options(&[("P", "3"), ("https_proxy", "secret")]), &[]).unwrap();
    let Action::Run(run) = &plan.target().steps[4].action else { panic!() };
    assert_eq!(run.env[..3], ["E=1", "K=2", "P=3"]);
    assert_eq!(run.proxies, ["https_proxy=secret"]);
    assert_eq!(
        (run.user.as_str(), run.workdir.as_str(), run.network),
        ("ada", "/", crate::instruction::Network::None)
    );
    assert_eq!(plan.target().image.config.env[1..], ["E=1", "K=1"]);
    insta::assert_json_snapshot!(run.mounts);
    assert_eq!(plan.target().steps[4].action.reads(), []);
    assert!(!serde_json::to_string(&plan).unwrap().contains("https_proxy"), "a proxy may hold a password");
}

/// BuildKit joins the value to the working directory, so an empty one changes nothing. The same holds for the target of
/// a mount.
#[test]
fn empty_path_is_the_working_directory() {
    let source = "FROM a\nWORKDIR /w\nWORKDIR $NOTHING\nRUN --mount=source=x --mount=target=. x";
    let plan = outcome(source, &options(&[]), &[]).unwrap();
    let Action::Run(run) = &plan.target().steps[2].action else { panic!() };
    assert_eq!(run.workdir, "/w");
    for (mount, _) in &run.mounts {
        assert!(matches!(mount, crate::mount::Mount::Bind { target, .. } if target == "/w"), "{mount:?}");
    }
    // Only ADD unpacks archives, and not with --unpack=false.
    let source = "FROM a\nADD x /\nADD --unpack=false x /\nCOPY x /";
    let plan = outcome(source, &options(&[]), &[]).unwrap();
    let unpacks = |step: &Step| matches!(&step.action, Action::Copy(copy) if copy.unpack);
    assert_eq!(plan.target().steps.iter().map(unpacks).collect::<Vec<_>>(), [true, false, false]);
}

#[test]
fn heredocs_run_as_scripts() {
    let run = |source: &str| {
        let plan = planned(&format!("FROM scratch\n{source}"));
        let Action::Run(run) = &plan.target().steps[0].action else { panic!() };
        (run.argv.last().unwrap().clone(), run.script.clone())
    };
    assert_eq!(run("RUN <<-EOF\n\ta\n\tEOF\n"), ("a\n".into(), None));
    assert_eq!(run("RUN cat <<A <<'B'\n1\nA\n2\nB\n"), ("cat <<A <<'B'\n1\nA\n2\nB".into(), None));
    let script = Script { path: "/dev/pipes/EOF".into(), content: "#!/usr/bin/awk -f\n".into() };
    assert_eq!(run("RUN <<EOF\n#!/usr/bin/awk -f\nEOF\n"), ("/dev/pipes/EOF".into(), Some(script)));
}

#[test]
fn copy_paths_are_resolved() {
    let copy = |source: &str| {
        let plan = planned(&format!("FROM scratch AS one\nFROM scratch\nWORKDIR /w\nARG D=e NAME=n\n{source}"));
        let Action::Copy(copy) = plan.target().steps[2].action.clone() else { panic!() };
        copy
    };
    let files = copy("COPY --from=ONE --chown=ada:1 --chmod=u+x --exclude=*.$D a/../b /c*/ $D/");
    assert_eq!(
        (files.from, files.sources, files.destination.as_str()),
        (Source::Stage(0), vec!["/b".into(), "/c*".into()], "/w/e")
    );
    assert!(files.into_directory && !files.unpack && files.exclude == ["*.e"]);
    let files = copy("ADD a.tar.gz .");
    assert_eq!(
        (files.from, files.destination.as_str(), files.into_directory, files.unpack),
        (Source::Context, "/w", true, true)
    );
    assert_eq!(copy("COPY a /x/y").destination, "/x/y");
    assert!(!copy("COPY a /x/y").into_directory);
    let files = copy("COPY <<$NAME <<'q' d/\n$NAME \"$D\" \\$D\n$NAME\n$D\nq\n");
    let inline = |name: &str, content: &str| InlineFile { name: name.into(), content: content.into() };
    assert_eq!(files.inline, [inline("$NAME", "n \"e\" $D\n"), inline("q", "$D\n")]);
    let Source::Image(image) = copy("COPY --from=busybox:1 /bin/sh /sh").from else { panic!() };
    assert_eq!(image.reference, "docker.io/library/busybox:1");
}

#[test]
fn only_required_stages_are_built() {
    let source = "FROM a AS one\nFROM b AS two\nFROM one AS three\nCOPY --from=two /x /x\nFROM c AS four\nRUN --mount=from=three,source=/x,target=$T,ro true\nFROM d\n";
    let indexes = |target: &str| {
        let options = BuildOptions { target: Some(target.into()), ..options(&[]) };
        let plan = outcome(&source.replace("$T", "/t"), &options, &[]).unwrap();
        plan.stages
            .iter()
            .map(|stage| (stage.index, stage.needs.iter().copied().collect::<Vec<_>>()))
            .collect::<Vec<_>>()
    };
    assert_eq!(indexes("THREE"), [(0, vec![]), (1, vec![]), (2, vec![0, 1])]);
    assert_eq!(indexes("four"), [(0, vec![]), (1, vec![]), (2, vec![0, 1]), (3, vec![2])]);
    assert_eq!(indexes("4"), [(4, vec![])]);
    assert_eq!(planned(&source.replace("$T", "/t")).stages.len(), 1);
    let plan = outcome(source, &BuildOptions { target: Some("four".into()), ..options(&[("T", "/t")]) }, &[]);
    assert_eq!(
        plan.unwrap_err().to_string(),
        "line 6, column 13: invalid mount target \"\"; write target= and a directory other than /"
    );
    let plan =
        outcome(&source.replace("$T", "/t"), &BuildOptions { target: Some("three".into()), ..options(&[]) }, &[])
            .unwrap();
    let ready = |done: &[usize]| {
        plan.ready(&done.iter().copied().collect()).iter().map(|stage| stage.index).collect::<Vec<_>>()
    };
    assert_eq!((ready(&[]), ready(&[0]), ready(&[0, 1])), (vec![0, 1], vec![1], vec![2]));
}

#[test]
fn later_stage_shadows_earlier_one_of_same_name() {
    let plan = planned("FROM a AS x\nFROM b AS x\nFROM scratch\nCOPY --from=x /a /a\n");
    assert_eq!(plan.target().needs, BTreeSet::from([1]));
    // A stage's base is the earlier stage with this name, and a name is not a stage before it is defined.
    assert_eq!(planned("FROM a AS a\nFROM a AS a\n").target().base, Base::Stage(0));
}

#[test]
fn onbuild_triggers_run_first_and_once() {
    let triggers = vec!["COPY . /app".to_owned(), "RUN <<E\nx\nE".to_owned(), "COPY --from=tools /t /t".to_owned()];
    let config = Config { on_build: triggers, ..Config::default() };
    let source = "FROM base AS one\nONBUILD ENV T=$T1\nLABEL l=1\nFROM one AS two\nARG T1=a\nFROM two\n";
    let plan = outcome(source, &BuildOptions::default(), &[("base", config)]).unwrap();
    let steps = |stage: usize| {
        plan.stages[stage]
            .steps
            .iter()
            .map(|step| (step.text.as_str(), step.is_trigger, step.span.start.line))
            .collect::<Vec<_>>()
    };
    let first = [
        ("COPY . /app", true, 1),
        ("RUN <<E\nx\nE", true, 1),
        ("COPY --from=tools /t /t", true, 1),
        ("ONBUILD ENV T=$T1", false, 2),
        ("LABEL l=1", false, 3),
    ];
    assert_eq!(steps(0), first);
    assert_eq!(steps(1), [("ENV T=$T1", true, 2), ("ARG T1=a", false, 5)]);
    assert_eq!(steps(2), []);
    assert_eq!(plan.stages[0].images.len(), 1);
    assert_eq!(plan.stages[0].image.config.on_build, ["ENV T=$T1"]);
    assert_eq!(plan.stages[1].image.config.on_build, [""; 0]);
}

/// Row E71: a trigger of a base cannot do more than an instruction of the file.
#[test]
fn invalid_trigger_error_points_at_from() {
    for (trigger, reason) in [
        ("FROM x", "FROM isn't allowed as an ONBUILD trigger"),
        ("COPY a", "at least two arguments"),
        ("RUN a\nRUN b", "there are more"),
        ("", "it is empty"),
        ("ADD http://169.254.169.254/ /", "ADD from a URL is not supported"),
        ("COPY --from=0 /a /b", "circular dependency"),
    ] {
        let config = Config { on_build: vec![trigger.into()], ..Config::default() };
        let error = outcome("ARG A\nFROM base\n", &BuildOptions::default(), &[("base", config)]).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
        assert_eq!(error.span, Span::at(2, 6, 4));
    }
}

#[test]
fn likely_mistakes_are_warned_about() {
    let source = "# check=skip=StageNameCasing\nARG TAGG=1\nARG IMAGE\nfrom --platform=linux/amd64 a:x$TAG AS Build\nFROM --platform=$TARGETPLATFORM b as build\nfrom ${IMAGE:-x} AS scratch\nMAINTAINER x\nENV API_KEY=1 KEY_FILE=x\nARG password token_version\nENV old way\nWORKDIR rel\nWORKDIR again\nRUN x \\\n\n  y\nCMD a\nCMD b\nENTRYPOINT ['a', 'b']\nEXPOSE 80/TCP $UNKNOWN ${PASSWORD}\nCOPY node_modules /x\nRun z\nLABEL x=$API_KEI\n";
    let ignore = Ignore::parse("node_modules").unwrap();
    let plan = outcome(source, &BuildOptions { ignore, ..options(&[]) }, &[]).unwrap();
    let lines: Vec<String> =
        plan.warnings.iter().map(|warning| warning.render("Dockerfile", source, Language::English)).collect();
    insta::assert_snapshot!(lines.join("\n"));
    let quiet =
        outcome(&format!("# check=skip=all\n{}", source.split_once('\n').unwrap().1), &options(&[]), &[]).unwrap();
    assert_eq!(quiet.warnings, []);
    assert_eq!(planned(COURSE).warnings, []);
}

/// The expected results are those of chmod(1) of coreutils. At the end are the cases in which BuildKit's parser
/// differs (tonistiigi/dchapes-mode, after FreeBSD's setmode(3)).
#[test]
fn chmod_modes_match_coreutils() {
    let check = |text: &str, mode, is_directory, expect| {
        assert_eq!(text.parse::<Chmod>().unwrap().apply(mode, is_directory), expect, "{text} {mode:o}");
    };
    check("755", 0o4600, false, 0o755);
    check("+x", 0o644, false, 0o755);
    check("a-w", 0o666, false, 0o444);
    check("go=", 0o777, false, 0o700);
    check("u=rw,go=r", 0o700, false, 0o644);
    check("+X", 0o644, false, 0o644);
    check("+X", 0o644, true, 0o755);
    check("a+X", 0o744, false, 0o755);
    check("u+s,g+s,+t", 0o755, true, 0o7755);
    check("ug=rwx,o=", 0o000, true, 0o770);
    // With the usual umask of 022.
    check("+w", 0o444, false, 0o644);
    check("=rw", 0o777, false, 0o644);
    check("=rwX", 0o700, false, 0o755);
    check("go=u-w", 0o660, false, 0o644);
    check("u=g,o=u", 0o755, false, 0o555);
    check("u-w+x", 0o624, false, 0o524);
    check("+-x", 0o755, false, 0o644);
    check("o=g-r+x", 0o740, false, 0o741);
    check("u+s,o+s,=t", 0o755, false, 0o1000);
    // As in FreeBSD only: `=` also removes the set-id bits of directories, and keeps them if a class is copied. `u+t`
    // sets the sticky bit, and `o+t` has no effect.
    check("u=rwx", 0o4755, true, 0o755);
    check("u=g", 0o4755, false, 0o4555);
    check("u+t", 0o600, false, 0o1600);
    check("o+t", 0o600, false, 0o600);
    for wrong in ["", "8", "7a", "77777", "u", "x+r", "u+q", "u=rwx,", ",u+x", "g=ru", "é=r"] {
        assert!(wrong.parse::<Chmod>().is_err(), "{wrong}");
    }
}

#[test]
fn actions_report_what_they_read() {
    let source = "FROM a AS x\nFROM b\nCOPY --from=x a b* /c/\nRUN --mount=source=d,target=/d --mount=type=cache,target=/e --mount=type=cache,from=x,target=/f x\n";
    let plan = planned(source);
    let reads = |step: usize| format!("{:?}", plan.target().steps[step].action.reads());
    assert_eq!(reads(0), r#"[(Stage(0), "/a"), (Stage(0), "/b*")]"#);
    assert_eq!(reads(1), r#"[(Context, "/d"), (Stage(0), "/")]"#);
}

fn keys(source: &str, contents: &[Digest]) -> Vec<Digest> {
    let plan = planned(source);
    let mut parent = base_key(&plan.target().base, &plan.target().platform).unwrap();
    let mut keys = vec![parent.clone()];
    for step in &plan.target().steps {
        if let Some(key) = key(&KeyInputs { parent: &parent, action: &step.action, contents, epoch: None }) {
            parent = key;
            keys.push(parent.clone());
        }
    }
    keys
}

#[test]
fn cache_keys_change_only_with_build_content() {
    let same = |one: &str, other: &str| assert_eq!(keys(one, &[]), keys(other, &[]), "{one} {other}");
    let differ = |one: &str, other: &str| assert_ne!(keys(one, &[]).last(), keys(other, &[]).last(), "{one} {other}");
    same("FROM a\nRUN x", "# comment\nfrom a\nrun   x");
    same("FROM a\nARG V=1\nCOPY a b", "FROM a\nARG V=2\nCOPY a b");
    same("FROM a\nLABEL v=1\nRUN x", "FROM a\nLABEL v=2\nRUN x");
    same("FROM a\nHEALTHCHECK NONE\nRUN x", "FROM a\nRUN x");
    same("FROM a AS x\nFROM b\nCOPY --from=x /a /a", "FROM a AS y\nFROM b\nCOPY --from=y /a /a");
    differ("FROM a\nRUN x", "FROM a\nRUN y");
    differ("FROM a\nRUN x", "FROM b\nRUN x");
    differ("FROM a\nRUN x", "FROM scratch\nRUN x");
    differ("FROM a\nRUN x", "FROM a\nRUN [\"x\"]");
    differ("FROM a\nARG V=1\nRUN x", "FROM a\nARG V=2\nRUN x");
    differ("FROM a\nENV V=1\nRUN x", "FROM a\nENV V=2\nRUN x");
    differ("FROM a\nUSER 1\nRUN x", "FROM a\nUSER 2\nRUN x");
    differ("FROM a\nCOPY a /b", "FROM a\nCOPY a /b/");
    differ("FROM a\nCOPY a /b", "FROM a\nADD a /b");
    differ("FROM a\nCOPY a /b", "FROM a\nCOPY --chown=1 a /b");
    differ("FROM a\nCOPY <<E /b\n1\nE", "FROM a\nCOPY <<E /b\n2\nE");
    differ("FROM a\nRUN x", "FROM a\nRUN --network=none x");
    let (one, other) = (Digest::of(b"1"), Digest::of(b"2"));
    assert_ne!(keys(COURSE, &[one]).last(), keys(COURSE, &[other]).last(), "content counts");
}

/// GHSA-gc89-7gcr-jxqc: the settings that a cache could hide are in the config, which is never cached.
#[test]
fn config_never_comes_from_the_cache() {
    let config = |source: &str| planned(source).target().image.config.clone();
    let plain = config("FROM scratch\nCOPY a b");
    for line in ["HEALTHCHECK CMD x", "ONBUILD RUN evil", "STOPSIGNAL 9", "USER 1", "SHELL [\"x\"]"] {
        assert_ne!(config(&format!("FROM scratch\n{line}\nCOPY a b")), plain, "{line}");
    }
}

#[test]
fn labels_and_platform_come_from_command_line() {
    let arm: Platform = "linux/arm64".parse().unwrap();
    let labels = BTreeMap::from([("l".to_owned(), "2".to_owned())]);
    let options = BuildOptions { labels, platform: arm.clone(), ..options(&[]) };
    let plan =
        outcome("FROM --platform=$BUILDPLATFORM a AS b\nFROM c\nLABEL l=1 m=1\nCOPY --from=b / /", &options, &[])
            .unwrap();
    assert_eq!(plan.stages[0].platform.to_string(), "linux/amd64");
    assert_eq!((&plan.target().platform, plan.target().image.architecture.as_str()), (&arm, "arm64"));
    assert_eq!(plan.target().image.config.labels.values().collect::<Vec<_>>(), ["2", "1"]);
    assert!(
        matches!(&plan.stages[0].base, Base::Image { request, .. } if request.platform.architecture() == "amd64")
    );
}

#[test]
fn plan_size_is_limited() {
    let fails = |source: String| outcome(&source, &BuildOptions::default(), &[]).unwrap_err().to_string();
    let doubling: String = (0..60).map(|at| format!("ENV A{}=$A{at}$A{at}\n", at + 1)).collect();
    assert!(
        fails(format!("FROM scratch\nENV A0=aaaaaaaa\n{doubling}"))
            .contains("the longest argument that Linux accepts")
    );
    let many: String = (0..2000).map(|at| format!(" A{at}=1")).collect();
    assert!(fails(format!("FROM scratch\nENV{many}\n")).contains("more than 1000 variables"));
    assert!(fails(format!("FROM scratch\nARG{many}\n")).contains("more than 1000 variables"));
    let ports = "EXPOSE 1-65535\n".repeat(900);
    assert!(fails(format!("FROM scratch\n{ports}")).contains("config would have more than"));
    let runs = "RUN x\n".repeat(900);
    assert!(
        fails(format!("FROM scratch\nENV A={}\n{runs}", "a".repeat(100_000))).contains("config would have more than")
    );
    let unknown: String = (0..100_000).map(|at| format!("$u{at} ")).collect();
    assert!(planned(&format!("FROM scratch\nLABEL a=\"{unknown}\"\n")).warnings.len() <= 1000);
}

proptest! {
    #[test]
    fn random_dockerfiles_are_planned_or_rejected(lines in prop::collection::vec(prop::sample::select(vec![
        "FROM a AS x", "FROM x", "FROM scratch", "FROM $A", "ARG A=1", "ARG A", "ENV A=$A B=${B:-c}", "COPY --from=x /a /b", "COPY --from=0 a b/",
        "COPY $A .", "WORKDIR $A", "USER $A", "EXPOSE $A", "RUN --mount=from=x,target=/$A z", "ONBUILD COPY --from=1 $A /", "VOLUME $A", "STOPSIGNAL $A",
        "RUN <<E\n$A\nE", "CMD $A", "SHELL [\"a\"]", "HEALTHCHECK CMD x", "ENTRYPOINT []",
    ]), 1..12), value in "[a-z0-9./$]{0,4}") {
        let source = lines.join("\n");
        let Ok(file) = parse(source.as_bytes()) else { return Ok(()) };
        let printed = file.to_string();
        let build = |source: &str| outcome(source, &options(&[("A", &value)]), &[]);
        match build(&source) {
            Err(error) => prop_assert!(!error.render("Dockerfile", &source).is_empty()),
            Ok(plan) => {
                let mut done = BTreeSet::new();
                for stage in &plan.stages {
                    prop_assert!(stage.needs.is_subset(&done));
                    done.insert(stage.index);
                    let layers = stage.steps.iter().filter(|step| step.action.makes_layer()).count();
                    prop_assert!(stage.image.history.iter().filter(|entry| !entry.empty_layer).count() >= layers);
                }
                let again = build(&printed).unwrap();
                prop_assert_eq!(&again.target().image, &plan.target().image);
            }
        }
    }
}
