//! Two directives besides WGSL, on lines of their own:
//!
//! ```text
//! #import NAME KEY=VALUE …   the fragment that NAME stands for, each $KEY in it replaced by its VALUE
//! #unroll v N … #end         the lines between, N times, $v replaced by 0, 1, …
//! ```
//!
//! Unrolling is textual because registers cannot be indexed: the compiler may put an array that a loop indexes
//! into memory, and `subgroupBroadcast` needs a constant lane. `$NAME` of a constant stands for its
//! value. Unknown text stays as it is, so that the validation finds it.

use std::fmt::Write;

/// The meanings of the names in a kernel's source.
pub(crate) struct Bindings<'b> {
    /// The fragment that a name stands for.
    pub(crate) fragment: &'b dyn Fn(&str) -> Option<&'static str>,
    /// Constants by name.
    pub(crate) constants: &'b [(&'b str, usize)],
}

/// The WGSL of a kernel.
pub(crate) fn assemble(source: &str, bindings: &Bindings<'_>) -> String {
    let mut text = imported(source, bindings.fragment);
    for (name, value) in bindings.constants {
        text = text.replace(&format!("${name}"), &value.to_string());
    }
    let lines: Vec<&str> = text.lines().collect();
    unrolled(&lines, bindings.constants)
}

fn imported(source: &str, fragment: &dyn Fn(&str) -> Option<&'static str>) -> String {
    let mut text = String::new();
    for line in source.lines() {
        match import(line, fragment) {
            Some(fragment_text) => text.push_str(&imported(&fragment_text, fragment)),
            None => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    text
}

/// The text of an import, if the line is one.
fn import(line: &str, fragment: &dyn Fn(&str) -> Option<&'static str>) -> Option<String> {
    let mut words = line.trim().strip_prefix("#import ")?.split(' ');
    let mut text = fragment(words.next()?)?.to_owned();
    for word in words {
        let (key, value) = word.split_once('=')?;
        text = text.replace(&format!("${key}"), value);
    }
    Some(text)
}

fn unrolled(lines: &[&str], constants: &[(&str, usize)]) -> String {
    let mut text = String::new();
    let mut rest = lines;
    while let [line, tail @ ..] = rest {
        rest = tail;
        let Some((variable, count)) = loop_header(line, constants) else {
            text.push_str(line);
            text.push('\n');
            continue;
        };
        let (body, after) = split_at_end(tail);
        let body = unrolled(body, constants);
        for index in 0..count {
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "{}",
                body.replace(&format!("${variable}"), &index.to_string())
            );
        }
        rest = after;
    }
    text
}

fn loop_header<'l>(line: &'l str, constants: &[(&str, usize)]) -> Option<(&'l str, usize)> {
    let (variable, count) = line.trim().strip_prefix("#unroll ")?.split_once(' ')?;
    let named = || {
        constants
            .iter()
            .find(|(name, _)| *name == count)
            .map(|(_, value)| *value)
    };
    Some((variable, count.parse().ok().or_else(named)?))
}

/// The lines of a loop's body, and those after its `#end`.
fn split_at_end<'l, 's>(lines: &'l [&'s str]) -> (&'l [&'s str], &'l [&'s str]) {
    let mut depth = 1;
    for (index, line) in lines.iter().enumerate() {
        let line = line.trim();
        depth += usize::from(line.starts_with("#unroll "));
        depth -= usize::from(line == "#end");
        if depth == 0 {
            return (&lines[..index], &lines[index + 1..]);
        }
    }
    (lines, &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(source: &str) -> String {
        let bindings = Bindings {
            fragment: &|name| (name == "part").then_some("$X_$r = $ROWSu;\n"),
            constants: &[("ROWS", 2)],
        };
        assemble(source, &bindings)
    }

    #[test]
    fn loops_are_unrolled_inside_out_and_imports_before_them() {
        let source = "#unroll r ROWS\n#import part X=x\n#unroll k 2\ny_$r_$k\n#end\n#end\nz\n";
        let expected = "x_0 = 2u;\ny_0_0\ny_0_1\nx_1 = 2u;\ny_1_0\ny_1_1\nz\n";
        assert_eq!(text(source), expected);
    }

    #[test]
    fn what_is_not_understood_stays() {
        for source in [
            "#import nothing\n",
            "#import part of\n",
            "#unroll r MANY\n#end\n",
            "$x;\n",
        ] {
            assert_eq!(text(source), source);
        }
    }
}
