//! The seeds of the fuzz targets, written to the directory that `tests/fuzz/run` chooses.

use std::{env, fs, path::PathBuf};

use crate::{corpus::corpus, tar::Tar};

/// Writes seeds into the directory that the environment names.
pub fn plant(seeds: impl IntoIterator<Item = impl AsRef<[u8]>>) {
    let Some(directory) = env::var_os("MINICONTAINER_FUZZ_SEEDS").map(PathBuf::from) else { return };
    for (number, seed) in seeds.into_iter().enumerate() {
        fs::write(directory.join(format!("seed-{number:03}")), seed).expect("a seed can be written");
    }
}

/// The hostile corpus. The first byte of a seed selects whether it is applied or imported, see the target `layer`.
pub fn layers() -> Vec<Vec<u8>> {
    let archives = corpus().into_iter().flat_map(|case| [Some(case.layer), case.lower]).flatten();
    let small = archives.filter(|archive| archive.len() <= 16 << 10);
    let numbered = small.enumerate();
    let plain = numbered.map(|(number, archive)| [&[number as u8 & 3], archive.as_slice()].concat());
    plain
        .chain(
            [1, 3].map(|how| [&[how], zstd(&Tar::new().directory("d/").file("d/x", "x").end()).as_slice()].concat()),
        )
        .collect()
}

/// A zstd frame with one uncompressed block.
fn zstd(content: &[u8]) -> Vec<u8> {
    let size = (content.len() as u32) << 3 | 1;
    [&[0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3][..], &size.to_le_bytes()[..3], content].concat()
}

/// Typical Dockerfiles. One has every instruction, and one has every form of a variable.
pub const DOCKERFILES: [&str; 6] = [
    include_str!("../../../book/examples/site/Dockerfile"),
    "FROM node:14\nARG PORT=6000\nENV PORT=$PORT\nEXPOSE $PORT\nWORKDIR /app-node\nCOPY . .\nRUN npm install\n\
     ENTRYPOINT [\"npm\", \"start\"]\n",
    "# syntax=docker/dockerfile:1\n# escape=`\nARG V=1 W\nFROM --platform=linux/amd64 busybox:$V AS base\n\
     MAINTAINER Ada\nENV A=1 B=\"two words\"\nENV old style\nLABEL a=b \"c d\"=e\nUSER 1:2\nWORKDIR /app`\n/more\n\
     VOLUME [\"/data\", \"/b\"]\nEXPOSE 80 53/udp 8000-8002\nSHELL [\"/bin/ash\", \"-c\"]\nSTOPSIGNAL SIGINT\n\
     HEALTHCHECK --interval=5s --timeout=1m --retries=3 CMD [\"true\"]\nONBUILD RUN x\nENTRYPOINT [\"a\"]\nCMD b c\n",
    "FROM a AS one\nRUN --mount=type=cache,target=/c,sharing=locked --mount=type=bind,from=two,source=/x,target=/y \
     --network=none cc -o x x.c\nFROM scratch AS two\nADD --chown=1:2 --chmod=0644 a.tar /\n\
     COPY --from=one --exclude=*.o --link /x /y/\nCOPY --parents --chmod=u=rwX,go=u-w a/./b*/**/c /y/\n\
     ADD --keep-git-dir --unpack=false a /y\nRUN << 'E' cat\n$x\nE\n\
     COPY <<A <<-\"B\" /files/\n$HOME\nA\n\tliteral $HOME\nB\n\
     RUN <<EOF\none\ntwo\nEOF\nHEALTHCHECK NONE\n",
    "ARG A=b\nFROM x\nENV V=${A:-d} W=${A:+e} X=${A#b*} Y=${A%%?} Z=${A/b/c} Q=${A//b/${V:-x}} E='$A' D=\"\\$A $$A\"\n\
     RUN echo \\\n # a comment between\n\n  continued \\\n\n",
    "\u{feff}from busybox\r\nrun echo \\\r\n  hi\r\ncopy [\"a b\", \"c\"]\r\n",
];

/// Patterns of `.dockerignore`, and after a NUL byte the paths to match.
pub const IGNORES: [&str; 3] = [
    "# a comment\n*\n!src/**\nsrc/**/*.o\n!README.md\n/target\ndoc[s-u]/?.md\n\0src/a/b.o\ntarget/x\ndocs/a.md",
    "**\n!**/keep\n[^a-c]*\n\\*star\na/../b\n./c\n!!d\n\0a/keep\n*star\nb",
    "**/**/**/a*a*a*a*b\n\u{feff}x\n   \n!\n[\n\0aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac",
];

/// References of images, and values of a registry's response headers.
pub const REFERENCES: [&str; 11] = [
    "busybox",
    "localhost:5000/team/app:1.0",
    "[::1]:5000/a/b__c.d-e@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "index.docker.io/library/busybox:latest@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "Bearer realm=\"https://auth.test/token\",service=\"registry.test\",scope=\"repository:app:pull,push\"",
    "Negotiate, BEARER Realm = \"https://a.test/?x=1,2\" , service=plain, Basic realm=\"a \\\"b\\\"\"",
    "https://storage.test:8443/v2/a/blobs/x?token=1#part",
    "//other.test/x",
    "../up?y",
    "http://user:password@[fe80::1]:80/",
    "bytes 100-199/200",
];

/// The documents of an image: config, manifest, index. The target `manifest` explains the placeholders for digests.
pub const IMAGES: [&str; 3] = [
    "{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"@l\"]}}\0\
     {\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"config\":{\"mediaType\":\
     \"application/vnd.oci.image.config.v1+json\",\"digest\":\"@0\",\"size\":#0},\"layers\":[{\"mediaType\":\
     \"application/vnd.oci.image.layer.v1.tar\",\"digest\":\"@l\",\"size\":1024}]}\0\
     {\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\
     \"digest\":\"@1\",\"size\":#1,\"annotations\":{\"org.opencontainers.image.ref.name\":\"a:1\"}}]}",
    "{\"architecture\":\"arm\",\"variant\":\"v7\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}\0\
     {\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\
     \"@0\",\"size\":#0,\"platform\":{\"architecture\":\"amd64\",\"os\":\"linux\"}}]}\0\
     {\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"manifests\":[{\"mediaType\":\
     \"application/vnd.oci.image.index.v1+json\",\"digest\":\"@1\",\"size\":#1}]}",
    "{\"os\":\"linux\",\"architecture\":\"amd64\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"@l\"]}}\0\
     {\"schemaVersion\":1}\0[{\"Config\":\"blobs/sha256/0\",\"RepoTags\":[\"a:1\"],\"Layers\":[\"layer\"]}]",
];

/// Configs of images.
pub const CONFIGS: [&str; 3] = [
    "{\"created\":\"2026-01-02T03:04:05Z\",\"author\":\"Ada\",\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\
     \"User\":\"1000:www\",\"Env\":[\"PATH=/bin\",\"A=b\"],\"Entrypoint\":[\"a\"],\"Cmd\":[\"b\"],\"WorkingDir\":\"/w\",\
     \"Volumes\":{\"/v\":{}},\"ExposedPorts\":{\"80/tcp\":{}},\"Labels\":{\"a\":\"b\"},\"StopSignal\":\"SIGINT\"},\
     \"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]},\"history\":[{\"created_by\":\"x\",\"empty_layer\":true}]}",
    "{\"architecture\":\"arm\",\"variant\":\"v7\",\"os\":\"linux\",\"config\":{\"Healthcheck\":{\"Test\":[\"CMD\",\"x\"],\
     \"Interval\":1000000000,\"Retries\":3},\"Shell\":[\"sh\",\"-c\"],\"OnBuild\":[\"RUN x\"],\"Cmd\":null},\
     \"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}",
    "{\"architecture\":\"amd64\",\"os\":\"windows\",\"config\":{\"User\":\"-1\",\"Env\":[\"HOME\",\"=x\"],\
     \"WorkingDir\":\"../..\"},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:0\"]}}",
];
