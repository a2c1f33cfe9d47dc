//! `COPY` and `ADD`.

use crate::Case;

pub const COPY: &[Case] = &[
    ("COPY: a file", "COPY file1.txt /usr/src/things/"),
    ("COPY: several", "COPY file1.txt file2.txt /usr/src/things/"),
    ("COPY: the JSON form, for blanks", "COPY [\"my file\", \"/dest dir/\"]"),
    ("COPY: wildcards", "COPY *.png hom?.txt [a-c]* /dest/"),
    ("COPY: escaped wildcards", "COPY arr[[]0].txt \\*.md /dest/"),
    ("COPY: relative to WORKDIR", "WORKDIR /usr/src/app\nCOPY file.txt relative/path"),
    ("COPY: the current directory", "COPY . ."),
    ("COPY: slashes and dots", "COPY ./a//b/../c /x/./y/"),
    ("testEmptyDestDir", "ENV empty=\"\"\nWORKDIR /w\nCOPY testfile $empty"),
    ("ADD: parent directories are stripped out", "COPY ../something /something\nADD a/../../b /x"),
    ("COPY: more than one needs a slash", "COPY a b /c"),
    ("parseCopy: without a destination", "COPY a"),
    ("parseCopy: without a destination in JSON", "COPY [\"a\"]"),
    ("COPY: a URL", "COPY https://example.com/a /a"),
    ("COPY: a git repository", "COPY git@github.com:user/repo.git /a"),
    ("COPY: a variable without a value", "COPY $NOTHING /x"),
    ("filepath.Match: malformed", "COPY a[ /x"),
];

pub const FLAGS: &[Case] = &[
    ("COPY --from: a stage by name", "FROM a AS build\nFROM b\nCOPY --from=build /myapp /usr/bin/\n"),
    ("COPY --from: a stage by number", "FROM a\nFROM b\nCOPY --from=0 /myapp /usr/bin/\n"),
    ("COPY --from: an image", "COPY --from=nginx:latest /etc/nginx/nginx.conf /nginx.conf"),
    ("COPY --from: above the root is the root", "COPY --from=a ../../etc/x /x"),
    ("testDockerfileCopyFromArgs", "COPY --from=$FOO . ."),
    ("COPY --from: a later stage", "FROM a AS x\nCOPY --from=y /a /b\nFROM b AS y\nFROM x\n"),
    ("COPY --from: itself", "FROM a AS x\nCOPY --from=x /a /b\n"),
    ("COPY --from: no such number", "COPY --from=3 /a /b"),
    ("COPY --chown", "COPY --chown=55:mygroup files* /somedir/\nCOPY --chown=bin a /b\nCOPY --chown=10:11 a /b"),
    ("COPY --chown: a variable", "ARG owner=ada\nCOPY --chown=${owner}:1 a /b"),
    ("COPY --chown: no user", "COPY --chown=: a /b"),
    ("COPY --chmod: octal", "COPY --chmod=440 . .\nCOPY --chmod=04755 a /b"),
    ("COPY --chmod: symbolic", "COPY --chmod=u=rwX,go=rX . .\nCOPY --chmod=go=u-w,+t a /b"),
    ("COPY --chmod: a variable", "ARG MODE=440\nCOPY --chmod=$MODE . ."),
    ("COPY --chmod: too large", "COPY --chmod=17777 a /b"),
    ("COPY --chmod: not octal", "COPY --chmod=888 a /b"),
    ("COPY --chmod: neither", "COPY --chmod=rwx a /b"),
    ("COPY --link", "COPY --link /foo /bar\nCOPY --link=false /foo /bar\nCOPY --link=TRUE /foo /bar"),
    ("bflag: boolean", "COPY --link=yes a /b"),
    ("COPY --parents", "COPY --parents ./x/a.txt ./y/a.txt /parents/"),
    ("COPY --parents: the pivot point", "COPY --parents ./x/./y/*.txt /parents/"),
    ("testCopyRelativeParents: several points", "COPY --parents /test/a/./b/./c /test/a/b*/./c/**/e /out/"),
    ("COPY --parents: everything", "COPY --parents . /x/"),
    ("COPY --exclude", "COPY --exclude=*.txt --exclude=!a.txt hom* /mydir/"),
    ("COPY --exclude: malformed", "COPY --exclude=[ hom* /mydir/"),
    ("bflag: unknown", "COPY --form=build a /b"),
    ("bflag: COPY does not download", "COPY --checksum=sha256:0 a /b"),
];

pub const ADD: &[Case] = &[
    ("ADD: local archives are unpacked", "ADD rootfs.tar.gz /"),
    ("ADD --unpack", "ADD --unpack=false rootfs.tar.gz /\nADD --unpack=true rootfs.tar.gz /"),
    ("ADD: every flag for local files", "ADD --chown=1:2 --chmod=755 --exclude=*.md --link a /b/"),
    ("ADD --keep-git-dir: no meaning for local files", "ADD --keep-git-dir=true a /b"),
    ("ADD: a URL", "ADD https://example.com/archive.zip /usr/src/things/"),
    ("ADD: a git repository", "ADD git@github.com:user/repo.git /usr/src/things/"),
    (
        "ADD: a git repository by https",
        "ADD --keep-git-dir https://github.com/moby/buildkit.git#v0.14.1:docs /buildkit-docs",
    ),
    (
        "ADD --checksum: of a URL",
        "ADD --checksum=sha256:24454f830cdb571e2c4ad15481119c43b3cafd48dd869a9b2945d1036d1dc68d https://example.com/a /a",
    ),
    (
        "dispatchCopy: checksum of a local file",
        "ADD --checksum=sha256:24454f830cdb571e2c4ad15481119c43b3cafd48dd869a9b2945d1036d1dc68d a /b",
    ),
    (
        "dispatchCopy: checksum of several",
        "ADD --checksum=sha256:24454f830cdb571e2c4ad15481119c43b3cafd48dd869a9b2945d1036d1dc68d a b /c/",
    ),
    ("ADD: a URL in a variable", "ARG U=https\nADD $U://example.com/a /a"),
    ("ADD: a here-document", "ADD <<EOF /x\na\nEOF"),
    ("bflag: ADD copies from the context", "ADD --from=a b /c"),
];
