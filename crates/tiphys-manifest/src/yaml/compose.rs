//! One YAML document as JSON.
//!
//! The event parser gives a tree with aliases; the tree then becomes JSON in the order in which the library under
//! kubectl does it, because merge keys and duplicate keys depend on that order. Scalars are `resolve`'s.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use libyaml_safer::{Event, EventData, MappingStyle, Parser, SequenceStyle};
use serde_json::{Map, Value};

use super::encoding::lossy;
use super::numbers::{self, Beyond};
use super::quirks;
use super::resolve::{Resolved, TAG_PREFIX, resolve, resolve_tagged};
use super::{Document, DuplicateKey, Limits, Problem, YamlError};

/// Where in the stream a document stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) document: usize,
    pub(super) first_line: usize,
}

/// Reads the first document of `text`; `None` when there is none. `nodes` is what is left of the stream's budget.
pub(super) fn read(
    text: &[u8],
    place: Place,
    limits: &Limits,
    nodes: &mut usize,
) -> Result<Option<Document>, YamlError> {
    let marks = quirks::ByteOrderMarks::hide(text);
    let text = marks.text();
    let mut composer = Composer {
        parser: Parser::new(),
        text,
        marks: &marks,
        place,
        limits,
        tree: Vec::new(),
        anchors: HashMap::new(),
        budget: *nodes,
        open_flows: 0,
    };
    composer.parser.set_input(text);
    let Some(root) = composer.document()? else { return Ok(None) };
    let mut decoder = Decoder {
        shared: !composer.anchors.is_empty(),
        tree: composer.tree,
        place,
        limits,
        budget: nodes,
        decoded: 0,
        decoded_by_alias: 0,
        open_aliases: Vec::new(),
        duplicate_keys: Vec::new(),
    };
    let line = decoder.line(root);
    let value = decoder.value(root, limits.depth)?;
    Ok(Some(Document { value, line, duplicate_keys: decoder.duplicate_keys }))
}

type NodeId = usize;

struct Node {
    /// From 0, within the document's text.
    line: u64,
    content: Content,
}

enum Content {
    Scalar {
        text: String,
        tag: Option<String>,
        implicit: bool,
    },
    Sequence(Vec<NodeId>),
    /// Keys and values in turn.
    Mapping(Vec<NodeId>),
    Alias {
        anchor: String,
        target: NodeId,
    },
}

struct Composer<'a, 'l> {
    parser: Parser<&'a [u8]>,
    text: &'a [u8],
    marks: &'l quirks::ByteOrderMarks<'l>,
    /// How many of the open lists and maps are in flow style.
    open_flows: usize,
    place: Place,
    limits: &'l Limits,
    tree: Vec<Node>,
    anchors: HashMap<String, NodeId>,
    budget: usize,
}

impl Composer<'_, '_> {
    /// The root of the first document.
    fn document(&mut self) -> Result<Option<NodeId>, YamlError> {
        let mut open: Vec<(NodeId, bool)> = Vec::new();
        let mut flow = false;
        let mut root = None;
        loop {
            let Event { data, start_mark, end_mark, .. } = self.event()?;
            let line = start_mark.line;
            let id = self.tree.len();
            let content = match data {
                EventData::StreamStart { .. } | EventData::DocumentStart { .. } => continue,
                EventData::StreamEnd | EventData::DocumentEnd { .. } => return Ok(root),
                EventData::SequenceEnd | EventData::MappingEnd => {
                    if open.pop().is_some_and(|(_, flow)| flow) {
                        self.open_flows -= 1;
                    }
                    continue;
                }
                EventData::Alias { anchor } => match self.anchors.get(&anchor) {
                    Some(target) => Content::Alias { target: *target, anchor },
                    None => return Err(self.fail(line, Problem::UnknownAnchor(anchor))),
                },
                EventData::Scalar { anchor, tag, value, plain_implicit, style, .. } => {
                    let source = self.source(start_mark.index, end_mark.index);
                    if let Some(words) = quirks::refused(source, style, self.open_flows > 0) {
                        return Err(self.fail(line, Problem::Syntax(words.to_owned())));
                    }
                    self.remember(anchor, id);
                    Content::Scalar { text: self.marks.restore(value), tag, implicit: plain_implicit }
                }
                EventData::SequenceStart { anchor, style, .. } => {
                    flow = style == SequenceStyle::Flow;
                    self.remember(anchor, id);
                    Content::Sequence(Vec::new())
                }
                EventData::MappingStart { anchor, style, .. } => {
                    flow = style == MappingStyle::Flow;
                    self.remember(anchor, id);
                    Content::Mapping(Vec::new())
                }
            };
            let opens = matches!(content, Content::Sequence(_) | Content::Mapping(_));
            if self.budget == 0 {
                return Err(self.fail(line, Beyond::Nodes.problem(self.limits)));
            }
            self.budget -= 1;
            self.tree.push(Node { line, content });
            match open.last().and_then(|(parent, _)| self.tree.get_mut(*parent)) {
                Some(Node { content: Content::Sequence(children) | Content::Mapping(children), .. }) => {
                    children.push(id);
                }
                _ => root = Some(id),
            }
            if opens {
                if open.len() >= self.limits.depth {
                    return Err(self.fail(line, Beyond::Depth.problem(self.limits)));
                }
                open.push((id, flow));
                self.open_flows += usize::from(flow);
            }
        }
    }

    fn source(&self, start: u64, end: u64) -> &[u8] {
        let (start, end) =
            (usize::try_from(start).unwrap_or_default(), usize::try_from(end).unwrap_or_default());
        self.text.get(start..end).unwrap_or_default()
    }

    fn event(&mut self) -> Result<Event, YamlError> {
        // The event parser panics on some texts that it should refuse; the parser is not used again after that.
        let parser = &mut self.parser;
        let event = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| parser.parse()));
        match event {
            Ok(event) => event.map_err(|error| self.syntax(&error)),
            Err(_) => Err(YamlError {
                document: self.place.document,
                line: 0,
                problem: Problem::Syntax("the text can't be scanned".to_owned()),
            }),
        }
    }

    /// An anchor is known from where it stands on, also inside its own value.
    fn remember(&mut self, anchor: Option<String>, id: NodeId) {
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, id);
        }
    }

    fn fail(&self, line: u64, problem: Problem) -> YamlError {
        fail(self.place, line, problem)
    }

    fn syntax(&self, error: &libyaml_safer::Error) -> YamlError {
        let line = error.problem_mark().or(error.context_mark()).map(|mark| mark.line);
        let mut words = error.problem().to_owned();
        if let Some(context) = error.context() {
            words.push(' ');
            words.push_str(context);
        }
        match line {
            Some(line) => self.fail(line, Problem::Syntax(words)),
            None => YamlError { document: self.place.document, line: 0, problem: Problem::Syntax(words) },
        }
    }
}

fn fail(place: Place, line: u64, problem: Problem) -> YamlError {
    let line = place.first_line.saturating_add(usize::try_from(line).unwrap_or_default());
    YamlError { document: place.document, line, problem }
}

struct Decoder<'l> {
    tree: Vec<Node>,
    /// Whether aliases may come back to a node, so that its text must not be taken.
    shared: bool,
    place: Place,
    limits: &'l Limits,
    budget: &'l mut usize,
    decoded: u64,
    decoded_by_alias: u64,
    open_aliases: Vec<NodeId>,
    duplicate_keys: Vec<DuplicateKey>,
}

impl Decoder<'_> {
    fn line(&self, id: NodeId) -> usize {
        let line = self.tree.get(id).map_or(0, |node| usize::try_from(node.line).unwrap_or_default());
        self.place.first_line.saturating_add(line)
    }

    fn fail(&self, id: NodeId, problem: Problem) -> YamlError {
        YamlError { document: self.place.document, line: self.line(id), problem }
    }

    /// Counts one node. The bounds on aliases are those of the library under kubectl.
    fn count(&mut self, id: NodeId) -> Result<(), YamlError> {
        self.decoded += 1;
        if !self.open_aliases.is_empty() {
            self.decoded_by_alias += 1;
        }
        if self.decoded_by_alias > 100
            && self.decoded > 1000
            && ratio(self.decoded_by_alias, self.decoded) > allowed_ratio(self.decoded)
        {
            return Err(self.fail(id, Problem::ExcessiveAliasing));
        }
        match self.budget.checked_sub(1) {
            Some(left) => *self.budget = left,
            None => return Err(self.fail(id, Beyond::Nodes.problem(self.limits))),
        }
        Ok(())
    }

    fn deeper(&self, id: NodeId, depth: usize) -> Result<usize, YamlError> {
        depth.checked_sub(1).ok_or_else(|| self.fail(id, Beyond::Depth.problem(self.limits)))
    }

    fn value(&mut self, id: NodeId, depth: usize) -> Result<Value, YamlError> {
        self.count(id)?;
        match self.tree.get_mut(id).map(|node| &mut node.content) {
            None => Ok(Value::Null),
            Some(Content::Scalar { .. }) => self.scalar(id),
            Some(Content::Alias { .. }) => {
                self.through_alias(id, |decoder, target| decoder.value(target, depth))
            }
            Some(Content::Sequence(_)) => {
                let depth = self.deeper(id, depth)?;
                let children = self.children(id);
                let items: Result<Vec<_>, _> =
                    children.iter().map(|child| self.value(*child, depth)).collect();
                Ok(Value::Array(items?))
            }
            Some(Content::Mapping(_)) => {
                let depth = self.deeper(id, depth)?;
                let mut fields = Fields::default();
                self.mapping_into(id, depth, &mut fields)?;
                Ok(Value::Object(fields.map))
            }
        }
    }

    /// The children of a list or a map. Taken, not copied, where no alias can come back to them.
    fn children(&mut self, id: NodeId) -> Vec<NodeId> {
        match self.tree.get_mut(id).map(|node| &mut node.content) {
            Some(Content::Sequence(children) | Content::Mapping(children)) if self.shared => children.clone(),
            Some(Content::Sequence(children) | Content::Mapping(children)) => std::mem::take(children),
            _ => Vec::new(),
        }
    }

    fn through_alias<T>(
        &mut self,
        id: NodeId,
        then: impl FnOnce(&mut Self, NodeId) -> Result<T, YamlError>,
    ) -> Result<T, YamlError> {
        let Some(Node { content: Content::Alias { anchor, target }, .. }) = self.tree.get(id) else {
            return then(self, id);
        };
        let target = *target;
        if self.open_aliases.contains(&id) {
            return Err(self.fail(id, Problem::SelfReference(anchor.clone())));
        }
        self.open_aliases.push(id);
        let result = then(self, target);
        self.open_aliases.pop();
        result
    }

    fn mapping_into(&mut self, id: NodeId, depth: usize, fields: &mut Fields) -> Result<(), YamlError> {
        let children = self.children(id);
        let mut own = std::collections::HashSet::new();
        children.chunks_exact(2).try_for_each(|pair| match pair {
            [key, value] => self.entry(*key, *value, depth, fields, &mut own),
            _ => Ok(()),
        })
    }

    fn entry(
        &mut self,
        key: NodeId,
        value: NodeId,
        depth: usize,
        fields: &mut Fields,
        own: &mut std::collections::HashSet<String>,
    ) -> Result<(), YamlError> {
        if self.is_merge(key) {
            // Where the merge key stands matters: it replaces what came before it, and is replaced by what follows.
            return self.merge(value, depth, fields);
        }
        let name = self.key(key)?;
        let content = self.value(value, depth)?;
        if !own.insert(name.clone()) {
            let line = self.line(key);
            self.duplicate_keys.push(DuplicateKey { key: name.clone(), line });
        }
        fields.map.insert(name, content);
        Ok(())
    }

    fn is_merge(&self, key: NodeId) -> bool {
        match self.tree.get(key).map(|node| &node.content) {
            Some(Content::Scalar { text, tag, implicit }) => {
                text == "<<"
                    && (*implicit || tag.as_deref().and_then(|t| t.strip_prefix(TAG_PREFIX)) == Some("merge"))
            }
            _ => false,
        }
    }

    fn merge(&mut self, id: NodeId, depth: usize, fields: &mut Fields) -> Result<(), YamlError> {
        if let Some(Node { content: Content::Sequence(sources), .. }) = self.tree.get(id) {
            // The first of several sources wins, so it comes last.
            for source in sources.clone().into_iter().rev() {
                self.merge_one(source, depth, fields)?;
            }
            return Ok(());
        }
        self.merge_one(id, depth, fields)
    }

    fn merge_one(&mut self, id: NodeId, depth: usize, fields: &mut Fields) -> Result<(), YamlError> {
        let is_map =
            |content: Option<&Node>| matches!(content, Some(Node { content: Content::Mapping(_), .. }));
        let node = self.tree.get(id);
        let fits = match node {
            Some(Node { content: Content::Alias { target, .. }, .. }) => is_map(self.tree.get(*target)),
            node => is_map(node),
        };
        if !fits {
            return Err(self.fail(id, Problem::MergeNeedsMap));
        }
        self.count(id)?;
        self.through_alias(id, |decoder, target| {
            if target != id {
                decoder.count(target)?;
            }
            let depth = decoder.deeper(target, depth)?;
            decoder.mapping_into(target, depth, fields)
        })
    }

    /// A key as JSON spells it: numbers and booleans become text.
    fn key(&mut self, id: NodeId) -> Result<String, YamlError> {
        self.count(id)?;
        match self.tree.get(id).map(|node| &node.content) {
            Some(Content::Alias { .. }) => self.through_alias(id, Self::key),
            Some(Content::Sequence(_)) => Err(self.fail(id, Problem::BadKey("a list"))),
            Some(Content::Mapping(_)) => Err(self.fail(id, Problem::BadKey("a map"))),
            None => Err(self.fail(id, Problem::BadKey("nothing"))),
            Some(Content::Scalar { text, tag, implicit }) => {
                if is_binary(tag.as_deref()) {
                    return binary(text).map_err(|problem| self.fail(id, problem));
                }
                let resolved = meaning(text, tag.as_deref(), *implicit).map_err(|p| self.fail(id, p))?;
                Ok(match resolved {
                    Resolved::Text | Resolved::Timestamp => self.take_text(id).unwrap_or_default(),
                    Resolved::Bool(value) => value.to_string(),
                    Resolved::Int(value) => value.to_string(),
                    Resolved::Float(value) => float_key(value),
                    Resolved::Null => return Err(self.fail(id, Problem::BadKey("null"))),
                    Resolved::Uint(_) => {
                        return Err(self.fail(id, Problem::BadKey("an integer of this size")));
                    }
                })
            }
        }
    }

    fn scalar(&mut self, id: NodeId) -> Result<Value, YamlError> {
        let Some(Node { content: Content::Scalar { text, tag, implicit }, .. }) = self.tree.get(id) else {
            return Ok(Value::Null);
        };
        if is_binary(tag.as_deref()) {
            return binary(text).map(Value::String).map_err(|problem| self.fail(id, problem));
        }
        let resolved = meaning(text, tag.as_deref(), *implicit).map_err(|problem| self.fail(id, problem))?;
        Ok(match resolved {
            Resolved::Null => Value::Null,
            Resolved::Bool(value) => Value::Bool(value),
            Resolved::Int(value) => Value::Number(value.into()),
            Resolved::Uint(value) => numbers::unsigned(value),
            Resolved::Float(value) => match numbers::float(value) {
                Some(number) => number,
                None => return Err(self.fail(id, Problem::NotFinite(text.clone()))),
            },
            Resolved::Text | Resolved::Timestamp => Value::String(self.take_text(id).unwrap_or_default()),
        })
    }

    fn take_text(&mut self, id: NodeId) -> Option<String> {
        match self.tree.get_mut(id).map(|node| &mut node.content) {
            Some(Content::Scalar { text, .. }) if self.shared => Some(text.clone()),
            Some(Content::Scalar { text, .. }) => Some(std::mem::take(text)),
            _ => None,
        }
    }
}

#[derive(Default)]
struct Fields {
    map: Map<String, Value>,
}

fn meaning(text: &str, tag: Option<&str>, implicit: bool) -> Result<Resolved, Problem> {
    match tag {
        None if implicit => Ok(resolve(text)),
        None => Ok(Resolved::Text),
        Some(tag) => resolve_tagged(tag, text).ok_or_else(|| Problem::BadTag {
            value: text.chars().take(20).collect(),
            tag: tag.strip_prefix(TAG_PREFIX).map_or_else(|| tag.to_owned(), |short| format!("!!{short}")),
        }),
    }
}

fn is_binary(tag: Option<&str>) -> bool {
    tag.and_then(|tag| tag.strip_prefix(TAG_PREFIX)) == Some("binary")
}

/// The decoded bytes as text: what is not UTF-8 becomes U+FFFD, byte by byte, as in Go's JSON. Line ends within the
/// base64 don't count.
fn binary(text: &str) -> Result<String, Problem> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
    );
    let compact: String = text.chars().filter(|char| !matches!(char, '\n' | '\r')).collect();
    let bytes =
        STANDARD.decode(&compact).or_else(|_| LENIENT.decode(&compact)).map_err(|_| Problem::BadBinary)?;
    Ok(lossy(&bytes))
}

/// A float as a key: the shortest digits of its 32-bit form, with an exponent from six digits on.
fn float_key(value: f64) -> String {
    if value.is_nan() {
        return ".nan".to_owned();
    }
    #[expect(clippy::cast_possible_truncation, reason = "keys are spelled in 32 bits")]
    let short = value as f32;
    if short.is_infinite() {
        return if short > 0.0 { ".inf".to_owned() } else { "-.inf".to_owned() };
    }
    let scientific = format!("{short:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else { return scientific };
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..6).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            // At least six digits are spelled out; the exponent has at least two.
            format!("{digits}e{sign}{:02}", exponent.abs())
        }
        _ => format!("{short}"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a ratio of counts")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

/// The share of a document's nodes that may come from aliases: nearly all of a small document, a tenth of a large.
#[expect(clippy::cast_precision_loss, reason = "a ratio of counts")]
fn allowed_ratio(decoded: u64) -> f64 {
    const LOW: u64 = 400_000;
    const HIGH: u64 = 4_000_000;
    match decoded {
        0..=LOW => 0.99,
        HIGH.. => 0.10,
        between => 0.99 - 0.89 * ((between - LOW) as f64 / (HIGH - LOW) as f64),
    }
}
