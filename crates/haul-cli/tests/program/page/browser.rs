//! Pages in a real browser, which `HAUL_TEST_BROWSER` names: a path of Chromium. Each page is shown in frames of
//! several widths, and measured by a script in the page around them.

use crate::fixture::Room;
use serde_json::Value;
use std::process::Stdio;

const WIDTHS: [u32; 2] = [360, 1280];

/// Measurements of a page at one width.
struct Seen {
    width: u64,
    /// Width of the content, beyond that of the page if it overflows.
    content: u64,
    /// Drawings, and the number of them without a size.
    drawings: u64,
    empty: u64,
    /// Texts beyond the edge of their drawing, pairs of texts that overlap, and the size of the smallest in pixels.
    cut: u64,
    covered: u64,
    smallest: f64,
    requests: u64,
    /// Whether the page says that a table continues, and whether it does.
    more: bool,
    wide: bool,
    /// Width of the text in pixels, without margins.
    text: u64,
    /// The quantities of the values, in the order of `sorted`.
    what: Vec<String>,
    /// The values of the table of jobs, after a click on the column head.
    sorted: Vec<f64>,
}

/// Shows some pages; returns the measurements at each width, and the output of the browser's console.
fn shown(room: &Room, browser: &str, pages: &[String]) -> (Vec<Seen>, Vec<String>) {
    let sources = serde_json::to_string(pages).unwrap().replace("</", "<\\/");
    let host = format!(
        r#"<!doctype html><body><pre id="seen"></pre><script>
const seen = [];
const texts = all => {{
  let cut = 0, covered = 0, smallest = 100;
  for (const svg of all.querySelectorAll("svg.drawing")) {{
    const around = svg.getBoundingClientRect(), scale = around.width / svg.viewBox.baseVal.width;
    const boxes = [...svg.querySelectorAll("text")].map(it => {{
      smallest = Math.min(smallest, scale * Number(it.getAttribute("font-size")));
      return it.getBoundingClientRect();
    }});
    cut += boxes.filter(box => box.left < around.left - 1 || box.right > around.right + 1
      || box.top < around.top - 1 || box.bottom > around.bottom + 1).length;
    // Boxes of letters are higher than their visible part.
    const over = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
      && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 0.3 * Math.min(a.height, a.width, b.height, b.width);
    boxes.forEach((a, k) => {{ covered += boxes.slice(k + 1).filter(b => over(a, b)).length; }});
  }}
  return {{ cut, covered, smallest }};
}};
const show = (page, width) => new Promise(done => {{
  const frame = document.createElement("iframe");
  frame.width = width; frame.height = 800; frame.style.border = 0;
  frame.onload = () => {{
    const all = frame.contentDocument, view = frame.contentWindow;
    all.querySelectorAll("table.jobs button")[3]?.click();
    const cells = [...all.querySelectorAll("table.jobs td:nth-child(4) data")];
    const drawings = [...all.querySelectorAll("svg")].map(it => it.getBoundingClientRect());
    seen.push({{
      width: view.innerWidth, content: all.documentElement.scrollWidth, drawings: drawings.length,
      empty: drawings.filter(box => box.width < 100 || box.height < 50).length,
      ...texts(all),
      sorted: cells.map(it => Number(it.value)),
      what: cells.map(it => it.closest("tr").cells[2].textContent),
      more: [...all.querySelectorAll(".more")].some(it => it.checkVisibility()),
      wide: [...all.querySelectorAll("table.jobs")].some(it => it.scrollWidth > it.parentElement.clientWidth + 1),
      text: Math.round((all.querySelector("main") ?? all.body).getBoundingClientRect().width),
      requests: view.performance.getEntriesByType("resource").length,
    }});
    done();
  }};
  frame.srcdoc = page;
  document.body.append(frame);
}});
(async () => {{
  for (const page of {sources}) for (const width of {WIDTHS:?}) await show(page, width);
  document.getElementById("seen").textContent = JSON.stringify(seen);
}})();
</script>"#
    );
    room.write("host.html", host);
    let output = room
        .command(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
        ])
        .args([
            "--no-first-run",
            "--disable-background-networking",
            "--hide-scrollbars",
        ])
        .args([
            "--disable-component-update",
            "--disable-sync",
            "--enable-logging=stderr",
        ])
        .args(["--virtual-time-budget=20000", "--dump-dom"])
        .arg(format!(
            "--user-data-dir={}",
            room.path("profile").display()
        ))
        .arg(format!("file://{}", room.path("host.html").display()))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let dom = String::from_utf8_lossy(&output.stdout).into_owned();
    let (_, rest) = dom.split_once("<pre id=\"seen\">").unwrap();
    let found: Vec<Value> = serde_json::from_str(rest.split("</pre>").next().unwrap()).unwrap();
    let number = |it: &Value, key: &str| it[key].as_u64().unwrap();
    let seen = found.iter().map(|it| Seen {
        width: number(it, "width"),
        content: number(it, "content"),
        drawings: number(it, "drawings"),
        empty: number(it, "empty"),
        cut: number(it, "cut"),
        covered: number(it, "covered"),
        smallest: it["smallest"].as_f64().unwrap(),
        requests: number(it, "requests"),
        more: it["more"] == true,
        wide: it["wide"] == true,
        text: number(it, "text"),
        what: serde_json::from_value(it["what"].clone()).unwrap(),
        sorted: serde_json::from_value(it["sorted"].clone()).unwrap(),
    });
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    let console = log.lines().filter(|line| line.contains("CONSOLE"));
    (seen.collect(), console.map(str::to_owned).collect())
}

#[test]
#[cfg_attr(not(haul_browser), ignore = "HAUL_TEST_BROWSER names no browser")]
fn pages_fit_a_phone_and_a_desk_and_ask_nothing_of_a_network() {
    let browser = std::env::var("HAUL_TEST_BROWSER").expect("HAUL_TEST_BROWSER names no browser");
    let room = Room::with_clouds();
    let long = "a-name-that-goes-on-".repeat(8);
    room.csv(&format!("{long}.csv"), &crate::fixture::ring(40), 2);
    room.csv("line.csv", &crate::fixture::spiral(30), 1);
    room.csv("b1.csv", &crate::fixture::ring(20), 1);
    room.npy("x.npy", &crate::fixture::spiral(60), &[40, 3]);
    room.npy("y.npy", &crate::fixture::ring(60), &[40, 3]);
    let jobs: String = (0..30)
        .map(|job| {
            let b = if job % 5 == 0 { "missing" } else { "b" };
            let id = if job == 3 { "<script>alert(1)</script>" } else { "job" };
            let command = ["divergence", "sinkhorn"][job % 2];
            format!(
                "{{\"id\":\"{id} {job}\",\"command\":\"{command}\",\"a\":\"a.csv\",\"b\":\"{b}.csv\",\"blur\":{}}}\n",
                0.1 + (job * 7 % 30) as f64
            )
        })
        .collect();
    room.write("jobs.jsonl", jobs);
    let page = |line: &str| {
        room.cpu(&format!("{line} --report r.html"));
        room.read("r.html")
    };
    let pages = [
        page("divergence x.npy y.npy"),
        page(&format!(
            "sinkhorn a.csv {long}.csv --blur 0.02 --max-iterations 3"
        )),
        page("energy a.csv b.csv"),
        page("map a.csv b.csv -o moved.csv --reach 0.5"),
        page("align a.csv b.csv --blur 0.2"),
        page("sinkhorn line.csv b1.csv --blur 0.1"),
        page("batch jobs.jsonl -o results.jsonl"),
    ];
    let (seen, console) = shown(&room, &browser, &pages);
    assert_eq!(seen.len(), pages.len() * WIDTHS.len());
    assert!(console.is_empty(), "{console:?}");
    for (place, page) in seen.iter().enumerate() {
        let Seen { width, content, .. } = *page;
        assert_eq!(width, u64::from(WIDTHS[place % 2]));
        assert!(content <= width, "page {}: {content} > {width}", place / 2);
        assert!(page.drawings > 0 && page.empty == 0);
        assert_eq!(
            (page.cut, page.covered),
            (0, 0),
            "page {} at {width}",
            place / 2
        );
        assert!(
            page.smallest > 9.0,
            "page {} at {width}: {}",
            place / 2,
            page.smallest
        );
        assert_eq!(page.requests, 0);
        assert_eq!(page.more, page.wide, "page {} at {width}", place / 2);
    }
    let [phone, desk] = &seen[seen.len() - 2..] else {
        panic!();
    };
    assert!(phone.more && !desk.more && desk.text > 1200);
    // Sorted by value within each quantity.
    let mut groups = desk.what.chunk_by(|one, other| one == other);
    assert_eq!((groups.clone().count(), desk.sorted.len()), (2, 24));
    let first = groups.next().unwrap().len();
    for values in [&desk.sorted[..first], &desk.sorted[first..]] {
        assert!(values.is_sorted() && values.first() < values.last());
    }
    // Overflow, requests and errors are detected.
    let wrong = "<!doctype html><p style='width:600px'>wide</p><svg width=1 height=1></svg>\
                 <img src='http://127.0.0.1:9/x.png'><script>throw 1</script>";
    let (seen, console) = shown(&room, &browser, &[wrong.to_owned()]);
    assert!(seen[0].content > seen[0].width && seen[0].empty == 1 && seen[0].requests == 1);
    assert!(!console.is_empty());
}

#[test]
#[cfg_attr(not(haul_browser), ignore = "HAUL_TEST_BROWSER names no browser")]
fn letters_of_pictures_have_room_in_a_browser() {
    let browser = std::env::var("HAUL_TEST_BROWSER").expect("HAUL_TEST_BROWSER names no browser");
    let room = Room::new();
    // A picture fits its place by itself.
    let page = |svg: &str| format!("<!doctype html>{svg}");
    let mut pages = Vec::new();
    assert_eq!(room.cpu("demo").status, Some(0));
    pages.push(page(&room.read("haul-demo/transport.svg")));
    for count in [2, 9, 30, 60] {
        let names: Vec<String> = (0..count).map(|k| format!("Wide-Name-{k}.csv")).collect();
        for (k, name) in names.iter().enumerate() {
            let shift = (k * k % 7) as f64;
            let cloud: Vec<f64> = crate::fixture::ring(4)
                .iter()
                .map(|it| it + shift)
                .collect();
            room.csv(name, &cloud, 2);
        }
        let files = names.join(" ");
        let ran = room.cpu(&format!(
            "pairwise {} --loss energy -o d.npy --image d.svg",
            files
        ));
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        pages.push(page(&room.read("d.svg")));
    }
    let (seen, console) = shown(&room, &browser, &pages);
    assert!(console.is_empty(), "{console:?}");
    for (place, page) in seen.iter().enumerate() {
        assert_eq!(
            (page.cut, page.covered),
            (0, 0),
            "picture {} at {}",
            place / 2,
            page.width
        );
        assert!(page.content <= page.width, "picture {}", place / 2);
    }
    assert!(seen[0].smallest > 9.0);
    // Text that leaves a drawing or overlaps other text is detected.
    let wrong = "<svg class=drawing viewBox='0 0 300 100' width=300><text x=290 y=50 font-size=20>cut</text>\
                 <text x=20 y=50 font-size=5>one</text><text x=22 y=50 font-size=20>two</text></svg>";
    let (seen, _) = shown(&room, &browser, &[page(wrong)]);
    assert_eq!(
        (seen[0].cut, seen[0].covered, seen[0].smallest),
        (1, 1, 5.0)
    );
}
