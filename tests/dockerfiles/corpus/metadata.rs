//! `ENV`, `LABEL`, `MAINTAINER`, `EXPOSE`, `VOLUME`, `USER`, `WORKDIR`, `STOPSIGNAL`.

use crate::Case;

pub const ENV: &[Case] = &[
    ("ENV: the examples", "ENV MY_NAME=\"John Doe\"\nENV MY_DOG=Rex\\ The\\ Dog\nENV MY_CAT=fluffy"),
    ("ENV: several at once", "ENV MY_NAME=\"John Doe\" MY_DOG=Rex\\ The\\ Dog \\\n    MY_CAT=fluffy"),
    ("ENV: the old form", "ENV ONE TWO= THREE=world"),
    ("ENV: replaces the base's", "FROM base\nENV LANG=pt_BR NEW=\n"),
    ("ENV: PATH", "ENV PATH=/opt/bin:$PATH"),
    ("ENV: empty, and an equals sign in the value", "ENV A= B=c=d"),
    ("parseNameVal: no equals sign", "ENV A=1 B"),
    ("parseNameVal: one argument", "ENV A"),
    ("parseKvps: blank name", "ENV =1"),
    ("SecretsUsedInArgOrEnv", "ENV API_TOKEN=x TOKEN_FILE=/y PUBLIC_KEY=z"),
];

pub const LABEL: &[Case] = &[
    (
        "LABEL: the examples",
        "LABEL \"com.example.vendor\"=\"ACME Incorporated\"\nLABEL com.example.label-with-value=\"foo\"\n\
         LABEL description=\"This text illustrates \\\nthat label-values can span multiple lines.\"",
    ),
    ("LABEL: double quotes for variables", "ENV V=1\nLABEL a=\"x$V\" b='x$V'"),
    ("LABEL: the last value counts", "FROM base\nLABEL vendor=a\nLABEL vendor=b\n"),
    ("LABEL: the old form", "LABEL a b c"),
    ("parseKvps: blank name", "LABEL a=1 =2"),
    ("MAINTAINER: deprecated", "MAINTAINER Ada Lovelace <ada@example.com>"),
];

pub const EXPOSE: &[Case] = &[
    ("EXPOSE: tcp by default", "EXPOSE 80"),
    ("EXPOSE: protocols", "EXPOSE 80/tcp 80/udp 53/sctp"),
    ("parsePortRange", "EXPOSE 8000-8002/udp"),
    ("dispatchExpose: words of a variable", "ENV PORTS=\"80 443/UDP\"\nEXPOSE $PORTS"),
    ("splitProtoPort: an empty protocol", "EXPOSE 80/"),
    ("splitParts: host ports have no meaning", "EXPOSE 8080:80 127.0.0.1:8081:81 [::1]:8082:82"),
    ("parsePortSpec: a range of host ports for one", "EXPOSE 8000-8010:80"),
    ("parsePortRange: zero", "EXPOSE 0"),
    ("splitProtoPort: no port", "EXPOSE /tcp"),
    ("splitProtoPort: unknown protocol", "EXPOSE 80/icmp"),
    ("parsePortSpec: not a number", "EXPOSE http"),
    ("parsePortSpec: too large", "EXPOSE 65536"),
    ("parsePortRange: backwards", "EXPOSE 90-80"),
    ("parsePortSpec: invalid host port", "EXPOSE x:80"),
    ("parsePortSpec: ranges of different length", "EXPOSE 8000-8001:80-83"),
    ("parsePortSpec: invalid address", "EXPOSE host:1:80"),
    ("parseExpose: without arguments", "EXPOSE"),
];

pub const VOLUME: &[Case] = &[
    ("VOLUME: JSON", "VOLUME [\"/var/log/\", \"/a b\"]"),
    ("VOLUME: plain", "VOLUME /var/log /var/db"),
    ("VOLUME: a variable", "ENV D=/data\nVOLUME $D/x"),
    ("VOLUME: in a JSON list without quotes", "VOLUME [/myvol]"),
    ("parseVolume: an empty string", "VOLUME [\"/a\", \"\"]"),
    ("parseVolume: nothing", "VOLUME []"),
    ("USER: names and ids", "USER ada\nUSER 1000\nUSER ada:staff\nUSER 1000:0"),
    ("USER: a variable", "ARG U=ada\nUSER $U"),
    ("USER: neither", "USER :"),
    ("parseUser: without arguments", "USER"),
];

pub const WORKDIR: &[Case] = &[
    ("WORKDIR: relative to the one before", "WORKDIR /a\nWORKDIR b\nWORKDIR c\nRUN pwd"),
    ("WORKDIR: a variable", "ENV DIRPATH=/path\nWORKDIR $DIRPATH/$DIRNAME\nRUN pwd"),
    ("NormalizePath: a variable without a value", "WORKDIR $UNSET"),
    ("NormalizePath: the same in a directory", "WORKDIR /app\nWORKDIR $UNSET"),
    ("NormalizePath: the same with a base", "FROM base\nWORKDIR $UNSET\n"),
    ("WORKDIR: blanks are a part of it", "WORKDIR /a b"),
    ("NormalizePath: dots and slashes", "WORKDIR /a/../b//c/\nWORKDIR ../../.."),
    ("WorkdirRelativePath", "WORKDIR app"),
    ("WORKDIR: the owner is the user", "USER ada\nWORKDIR /home/ada/x"),
    ("parseWorkdir: without arguments", "WORKDIR"),
    ("STOPSIGNAL: names and numbers", "STOPSIGNAL SIGKILL\nSTOPSIGNAL term\nSTOPSIGNAL 9\nSTOPSIGNAL SIGRTMIN+3"),
    ("STOPSIGNAL: a variable", "ARG S=SIGQUIT\nSTOPSIGNAL $S"),
    ("ParseSignal: unknown", "STOPSIGNAL SIGNOTHING"),
    ("ParseSignal: out of range", "STOPSIGNAL 65"),
];
