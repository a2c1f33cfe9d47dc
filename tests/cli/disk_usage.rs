//! The disk usage of the store, and what `system prune` removes.

use std::fs;

use crate::test_env::TestEnv;

/// One field of `system df` for each kind of object: images, containers, volumes, the build cache.
fn rows(place: &TestEnv, field: &str) -> Vec<String> {
    let format = format!("{{{{.{field}}}}}");
    place.succeed(&["system", "df", "--format", &format]).lines().map(str::to_owned).collect()
}

#[test]
fn disk_usage_counts_shared_data_once() {
    let place = TestEnv::new();
    assert_eq!(rows(&place, "Type"), ["Images", "Containers", "Local Volumes", "Build Cache"]);
    assert_eq!(rows(&place, "TotalCount"), ["1", "0", "0", "0"]);
    assert_eq!(rows(&place, "Active"), ["0", "0", "0", "0"]);
    let alone = rows(&place, "Size");
    assert_eq!(rows(&place, "Reclaimable")[0], format!("{} (100%)", alone[0]));
    assert_eq!(alone[1..], ["0B", "0B", "0B"]);

    // A second name does not count as a second image, and a second image uses only the space of its new layer.
    place.succeed(&["tag", "busybox", "again:1"]);
    place.succeed(&["run", "--name", "one", "busybox", "sh", "-c", "head -c 5000 /dev/zero > /note"]);
    assert_eq!(rows(&place, "TotalCount"), ["1", "1", "0", "0"]);
    assert_eq!(rows(&place, "Active"), ["1", "0", "0", "0"]);
    assert_eq!(rows(&place, "Size"), [&alone[0], "5.00kB", "0B", "0B"]);
    assert_eq!(rows(&place, "Reclaimable"), ["0B (0%)", "5.00kB (100%)", "0B", "0B"]);
    place.succeed(&["commit", "one", "more:1"]);
    let json = place.succeed(&["system", "df", "-v", "--format", "json"]);
    let document: serde_json::Value = serde_json::from_str(&json).unwrap();
    let images = document["Images"].as_array().unwrap();
    assert_eq!(images.len(), 2);
    for image in images {
        assert_ne!(image["SharedSize"], "0B", "{image}");
    }
    assert_eq!(document["Containers"][0]["Size"], "5.00kB");
    assert_eq!(rows(&place, "TotalCount"), ["2", "1", "0", "0"]);
    let tables = place.succeed(&["system", "df", "-v"]);
    let headings: Vec<&str> = tables.lines().filter(|line| line.ends_with(':') || line.contains("usage: ")).collect();
    let expected =
        ["Images space usage:", "Containers space usage:", "Local Volumes space usage:", "Build cache usage: 0B"];
    assert_eq!(headings, expected);
    for id in ["IMAGE ID", "CONTAINER ID", "CACHE ID"] {
        assert!(tables.contains(id), "{tables}");
    }
    let table = place.succeed(&["system", "df"]);
    let first: Vec<&str> = table.lines().next().unwrap_or_default().split_whitespace().collect();
    assert_eq!(first, ["TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"]);
    place.succeed(&["rm", "one"]);
}

#[test]
fn build_cache_has_its_own_usage() {
    let place = TestEnv::new();
    fs::create_dir(place.path("context")).unwrap();
    fs::write(place.path("context/big"), vec![b'x'; 70_000]).unwrap();
    fs::write(place.path("context/Dockerfile"), "FROM busybox\nCOPY big /big\n").unwrap();
    place.succeed(&["build", "-q", "-t", "built:1", "context"]);
    assert_eq!(rows(&place, "TotalCount")[3], "1");
    assert_eq!(rows(&place, "Size")[3], "0B", "the layer belongs to the image, so the cache does not count it");
}

#[test]
fn prune_removes_unused_data() {
    let place = TestEnv::new();
    fs::create_dir(place.path("context")).unwrap();
    fs::write(place.path("context/Dockerfile"), "FROM busybox\nLABEL keep=yes\nRUN echo one > /one\n").unwrap();
    place.succeed(&["build", "-q", "-t", "kept:1", "context"]);
    place.succeed(&["run", "--name", "ended", "busybox", "sh", "-c", "echo more > /more"]);
    place.succeed(&["run", "--name", "labelled", "kept:1", "true"]);
    insta::assert_snapshot!(place.run(&["system", "prune", "--filter", "until=24h"]).show());
    insta::assert_snapshot!(place.run(&["system", "prune", "-a", "--filter", "colour=red"]).show());
    // All objects are newer than a day.
    assert_eq!(
        place.succeed(&["system", "prune", "-a", "-f", "--filter", "until=24h"]),
        "Total reclaimed space: 0B\n"
    );
    let pruned = place.succeed(&["system", "prune", "-a", "-f", "--volumes", "--filter", "label!=keep"]);
    assert!(pruned.starts_with("Deleted Containers:\n[ID]\n\n"), "{pruned}");
    assert_eq!(place.succeed(&["ps", "-a", "--format", "{{.Names}}"]), "labelled\n");
    assert_eq!(
        place.succeed(&["images", "--format", "{{.Repository}}"]),
        "kept\n",
        "no container used busybox any more"
    );
    assert_eq!(place.succeed(&["run", "--rm", "kept:1", "cat", "/one"]), "one\n", "they share layers");
    let pruned = place.succeed(&["system", "prune", "-a", "-f"]);
    for heading in ["Deleted Containers:", "Deleted Images:", "untagged: kept:1", "Total reclaimed space: "] {
        assert!(pruned.contains(heading), "{pruned}");
    }
    assert_eq!(rows(&place, "TotalCount"), ["0", "0", "0", "0"]);
    for directory in ["store/layers", "store/images/blobs/sha256", "store/containers", "store/staging"] {
        assert_eq!(fs::read_dir(place.path(directory)).unwrap().count(), 0, "{directory}");
    }
    assert_eq!(place.succeed(&["system", "check"]), "The store is intact.\n");
}
