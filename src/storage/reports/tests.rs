use super::*;

fn seen(kind: Kind, domain: &str, record: &str) -> Seen {
    Seen {
        kind,
        domain: domain.to_owned(),
        policy: "p".to_owned(),
        record: record.to_owned(),
    }
}

#[tokio::test]
async fn what_is_the_same_is_counted_together_and_outlives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = ReportStore::open(folder.path()).await.unwrap();
    for (day, record) in [(7, "a"), (7, "b"), (7, "a"), (8, "a")] {
        store.note_on(day, seen(Kind::Dmarc, "example.net", record));
    }
    store.note_on(7, seen(Kind::Tls, "example.net", "a"));
    // Closing counts what waits.
    store.close().await;
    let store = ReportStore::open(folder.path()).await.unwrap();
    let rows = store.seen(Kind::Dmarc, 7, "example.net").await.unwrap();
    let rows: Vec<_> = rows.iter().map(|row| (row.record.as_str(), row.count)).collect();
    assert_eq!(rows, [("a", 2), ("b", 1)]);
    let dmarc = |day| (Kind::Dmarc, day, "example.net".to_owned());
    let tls = (Kind::Tls, 7, "example.net".to_owned());
    assert_eq!(store.unsettled(0, 8).await.unwrap(), [dmarc(7), tls.clone()]);
    store.settle(Kind::Dmarc, 7, "example.net", "sent").await.unwrap();
    assert_eq!(store.unsettled(0, 9).await.unwrap(), [tls, dmarc(8)]);
    let overview = store.overview().await.unwrap();
    assert_eq!(overview.len(), 3);
    assert_eq!((overview[1].count, overview[1].outcome.as_deref()), (3, Some("sent")));
    store.forget_before(8).await.unwrap();
    assert_eq!(store.overview().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_wish_is_fulfilled_once_also_by_another_process() {
    let folder = tempfile::tempdir().unwrap();
    let store = ReportStore::open(folder.path()).await.unwrap();
    let other = ReportStore::open(folder.path()).await.unwrap();
    assert!(!store.take_wish().await.unwrap());
    other.wish().await.unwrap();
    other.wish().await.unwrap();
    assert!(store.take_wish().await.unwrap());
    assert!(!store.take_wish().await.unwrap());
}

#[tokio::test]
async fn a_report_is_kept_once_and_forgotten_with_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    let store = ReportStore::open(folder.path()).await.unwrap();
    let row = |count, passed| ReceivedRow {
        source: "192.0.2.1".to_owned(),
        count,
        passed,
        detail: "none".to_owned(),
    };
    let mut report = Received {
        kind: Kind::Dmarc,
        domain: "example.org".to_owned(),
        reporter: "example.net".to_owned(),
        report: "1".to_owned(),
        begins: 0,
        ends: DAY,
        rows: vec![row(3, true), row(4, false), row(5, true)],
    };
    assert!(store.receive(1, &report).await.unwrap());
    assert!(!store.receive(1, &report).await.unwrap());
    report.report = "2".to_owned();
    report.rows.clear();
    assert!(store.receive(2, &report).await.unwrap());
    let all = store.received(Some("example.org")).await.unwrap();
    assert_eq!((all[1].passed, all[1].failed, all[0].passed), (8, 4, 0));
    let rows = store.received_rows(all[1].id).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.count).collect::<Vec<_>>(), [5, 4, 3]);
    assert!(store.received(Some("example.net")).await.unwrap().is_empty());
    store.forget_before(2).await.unwrap();
    assert_eq!(store.received(None).await.unwrap().len(), 1);
    assert!(store.received_rows(all[1].id).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_spoilt_file_is_put_aside() {
    let folder = tempfile::tempdir().unwrap();
    let spoilt = "no database at all, but long enough to be read as one";
    std::fs::write(folder.path().join(FILE), spoilt).unwrap();
    let store = ReportStore::open(folder.path()).await.unwrap();
    assert!(store.overview().await.unwrap().is_empty());
    let aside = std::fs::read_to_string(folder.path().join("reports.db.damaged")).unwrap();
    assert_eq!(aside, spoilt);
}
