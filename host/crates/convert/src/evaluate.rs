//! Evaluates what can be known from the files alone: literals, variables with a value, locals, templates and a few functions of these.
//! Everything else stays open, with the reason.

use std::collections::BTreeSet;

use hcl_edit::Span as _;
use hcl_edit::expr::{BinaryOperator, Expression, FuncCall, ObjectKey, Traversal, TraversalOperator, UnaryOperator};
use hcl_edit::template::{Element, Strip};

use crate::files::{Declarations, File, Said, Variable};
use crate::finding::Place;
use crate::functions;
use crate::template::{Piece, heredoc};
use crate::value::{Item, Value};

/// Expressions that are evaluated for one conversion. Locals that use one another twice double the work at each step.
const MAX_STEPS: u32 = 200_000;
/// Expressions within expressions, references followed. Real files stay below ten.
const MAX_DEPTH: u32 = 100;
/// Bytes of a text that is put together. User data ends at 16 KiB.
pub(crate) const MAX_TEXT: usize = 1 << 18;
/// Characters of an expression that a message quotes.
const MAX_QUOTED: usize = 60;

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Open {
    /// Where.
    pub(crate) place: Place,
    /// A clause whose subject is the argument: "refers to `data.aws_vpc.default.id`, which Terraform looks up".
    pub(crate) problem: String,
    /// The variable that would have to be set.
    pub(crate) variable: Option<String>,
}

type Evaluated = Result<Item, Open>;

/// Evaluates expressions, and remembers what they were made from.
pub(crate) struct Evaluator<'a> {
    declarations: &'a Declarations<'a>,
    steps: u32,
    depth: u32,
    used: BTreeSet<String>,
}

impl<'a> Evaluator<'a> {
    pub(crate) const fn new(declarations: &'a Declarations<'a>) -> Self {
        Self { declarations, steps: 0, depth: 0, used: BTreeSet::new() }
    }

    /// The value of an expression, and the variables and locals that it came from.
    pub(crate) fn value(&mut self, said: Said<'a>) -> Result<(Item, Vec<String>), Open> {
        self.used.clear();
        self.depth = 0;
        let item = self.evaluate(said.file, said.expression)?;
        Ok((item, std::mem::take(&mut self.used).into_iter().collect()))
    }

    fn evaluate(&mut self, file: &'a File, expression: &'a Expression) -> Evaluated {
        if self.steps >= MAX_STEPS || self.depth >= MAX_DEPTH {
            return Err(open(file.place(expression.span()), "leads through more references than a config needs, perhaps in a circle"));
        }
        self.steps += 1;
        self.depth += 1;
        let item = self.of_kind(file, expression);
        self.depth -= 1;
        item
    }

    /// A part of a list or an object: what it holds beside is known even when this is not.
    fn part(&mut self, file: &'a File, expression: &'a Expression) -> Item {
        self.evaluate(file, expression).unwrap_or_else(|open| Item { place: open.place.clone(), value: Value::Unknown(open) })
    }

    fn of_kind(&mut self, file: &'a File, expression: &'a Expression) -> Evaluated {
        let place = || file.place(expression.span());
        let is = |value: Value| Ok(Item { value, place: place() });
        match expression {
            Expression::Null(_) => is(Value::Null),
            Expression::Bool(value) => is(Value::Bool(*value.value())),
            Expression::Number(number) => is(Value::Number(number.value().to_string())),
            Expression::String(text) => is(Value::Text(text.value().clone())),
            Expression::Array(array) => {
                let items = array.iter().map(|item| self.part(file, item)).collect();
                is(Value::List(items))
            }
            Expression::Object(object) => {
                let mut fields = Vec::new();
                for (key, value) in object {
                    let key = match key {
                        ObjectKey::Ident(name) => name.as_str().to_owned(),
                        ObjectKey::Expression(Expression::Variable(name)) => name.as_str().to_owned(),
                        ObjectKey::Expression(expression) => {
                            let key = self.evaluate(file, expression)?;
                            key.value.text().ok_or_else(|| open(key.place, "has a key that is no text"))?
                        }
                    };
                    fields.push((key, self.part(file, value.expr())));
                }
                is(Value::Object(fields))
            }
            Expression::StringTemplate(template) => {
                let pieces = template.iter().enumerate().map(|(index, element)| match element {
                    Element::Literal(text) => Piece::Text(text.value().clone()),
                    Element::Interpolation(_) | Element::Directive(_) => Piece::Element(index),
                });
                let elements: Vec<&Element> = template.iter().collect();
                self.template(file, place(), pieces.collect(), &elements)
            }
            Expression::HeredocTemplate(template) => {
                let elements: Vec<&Element> = template.template.iter().collect();
                self.template(file, place(), heredoc(template, &file.source.text), &elements)
            }
            Expression::Parenthesis(inner) => self.evaluate(file, inner.inner()),
            Expression::Variable(name) => Err(open(place(), format!("is `{}`, which is no value", name.as_str()))),
            Expression::Conditional(conditional) => {
                let condition = self.evaluate(file, &conditional.cond_expr)?;
                let is_true =
                    condition.value.flag().ok_or_else(|| open(condition.place, "has a condition that is neither true nor false"))?;
                self.evaluate(file, if is_true { &conditional.true_expr } else { &conditional.false_expr })
            }
            Expression::UnaryOp(operation) => {
                let value = self.evaluate(file, &operation.expr)?.value;
                match (operation.operator.value(), value) {
                    (UnaryOperator::Not, value) if value.flag().is_some() => is(Value::Bool(value.flag() == Some(false))),
                    (UnaryOperator::Neg, Value::Number(number)) => {
                        is(Value::Number(number.strip_prefix('-').map_or_else(|| format!("-{number}"), str::to_owned)))
                    }
                    _ => Err(open(place(), format!("is `{}`, which is not worked out here", quoted(&place())))),
                }
            }
            Expression::BinaryOp(operation) => {
                let left = self.evaluate(file, &operation.lhs_expr)?.value;
                let right = self.evaluate(file, &operation.rhs_expr)?.value;
                let not_worked_out = || open(place(), format!("is `{}`, which is not worked out here", quoted(&place())));
                let value = match (*operation.operator.value(), left.flag(), right.flag()) {
                    (BinaryOperator::Eq, ..) => same(&left, &right),
                    (BinaryOperator::NotEq, ..) => same(&left, &right).map(|same| !same),
                    (BinaryOperator::And, Some(left), Some(right)) => Some(left && right),
                    (BinaryOperator::Or, Some(left), Some(right)) => Some(left || right),
                    _ => None,
                };
                is(Value::Bool(value.ok_or_else(not_worked_out)?))
            }
            Expression::Traversal(traversal) => self.traversal(file, &place(), traversal),
            Expression::FuncCall(call) => self.call(file, &place(), call),
            Expression::ForExpr(_) => Err(open(place(), "is a `for` expression, which is not worked out here")),
        }
    }

    /// Puts the pieces together. A template of nothing but one interpolation is what is interpolated, of any type.
    fn template(&mut self, file: &'a File, place: Place, pieces: Vec<Piece>, elements: &[&'a Element]) -> Evaluated {
        let mut text = String::new();
        let mut strip_next = false;
        let alone = pieces.len() == 1;
        for piece in pieces {
            let added = match piece {
                Piece::Text(added) if strip_next => {
                    strip_next = false;
                    added.trim_start().to_owned()
                }
                Piece::Text(added) => added,
                Piece::Element(index) => match elements.get(index) {
                    Some(Element::Interpolation(interpolation)) => {
                        let item = self.evaluate(file, &interpolation.expr)?;
                        if alone {
                            return Ok(item.moved_to(&place));
                        }
                        if matches!(interpolation.strip, Strip::Start | Strip::Both) {
                            text.truncate(text.trim_end().len());
                        }
                        strip_next = matches!(interpolation.strip, Strip::End | Strip::Both);
                        let kind = item.value.kind();
                        item.value.text().ok_or_else(|| open(item.place, format!("puts {kind} into a text")))?
                    }
                    _ => return Err(open(place, "has a `%{ … }` directive, which is not worked out here")),
                },
            };
            text.push_str(&added);
            if text.len() > MAX_TEXT && text.len() > added.len() {
                return Err(open(place, format!("puts a text together that is over {MAX_TEXT} bytes long")));
            }
        }
        Ok(Item { value: Value::Text(text), place })
    }

    fn traversal(&mut self, file: &'a File, place: &Place, traversal: &'a Traversal) -> Evaluated {
        let named = |operators: &'a [hcl_edit::Decorated<TraversalOperator>]| match operators
            .split_first()
            .map(|(first, rest)| (first.value(), rest))
        {
            Some((TraversalOperator::GetAttr(name), rest)) => Some((name.as_str(), rest)),
            _ => None,
        };
        let root = match &traversal.expr {
            Expression::Variable(root) => root.as_str(),
            inner => {
                let item = self.evaluate(file, inner)?;
                return self.steps_down(file, place, item, &traversal.operators);
            }
        };
        let Some((name, rest)) = named(&traversal.operators) else {
            return Err(open(place.clone(), format!("refers to `{}`, which only Terraform knows", quoted(place))));
        };
        let item = match root {
            "var" => match self.declarations.variable(name) {
                Variable::Is(said) => self.reference(&format!("var.{name}"), place, said)?,
                Variable::WithoutDefault => {
                    let problem = format!("refers to `var.{name}`, which has no value in these files");
                    return Err(Open { variable: Some(name.to_owned()), ..open(place.clone(), problem) });
                }
                Variable::Undeclared => {
                    return Err(open(place.clone(), format!("refers to `var.{name}`, which these files do not declare")));
                }
            },
            "local" => match self.declarations.local(name) {
                Some(said) => self.reference(&format!("local.{name}"), place, said)?,
                None => return Err(open(place.clone(), format!("refers to `local.{name}`, which these files do not declare"))),
            },
            // Of the root module both are the folder that holds it.
            "path" if matches!(name, "module" | "root") => Item { value: Value::Text(".".to_owned()), place: place.clone() },
            _ => {
                let who = match root {
                    "data" => "which Terraform looks up",
                    "module" => "which another module gives",
                    "each" | "count" | "self" | "path" | "terraform" => "which only Terraform knows",
                    _ => "a resource that Terraform makes",
                };
                return Err(open(place.clone(), format!("refers to `{}`, {who}", quoted(place))));
            }
        };
        self.steps_down(file, place, item, rest)
    }

    /// The value behind a name, as if it stood where the name stands.
    fn reference(&mut self, name: &str, place: &Place, said: Said<'a>) -> Evaluated {
        match self.evaluate(said.file, said.expression) {
            Ok(item) => {
                self.used.insert(name.to_owned());
                Ok(item.moved_to(place))
            }
            // The chain is told from the argument on, so that nobody has to look it up.
            Err(inner) if inner.problem.len() < 400 => {
                let at = inner.place.to_string();
                Err(Open { place: place.clone(), problem: format!("refers to `{name}`, which {} ({at})", inner.problem), ..inner })
            }
            Err(inner) => Err(Open { place: place.clone(), ..inner }),
        }
    }

    /// `.name`, `["name"]` and `[0]` on a value that is known.
    fn steps_down(
        &mut self,
        file: &'a File,
        place: &Place,
        item: Item,
        operators: &'a [hcl_edit::Decorated<TraversalOperator>],
    ) -> Evaluated {
        let mut here = item;
        for operator in operators {
            let key = match operator.value() {
                TraversalOperator::GetAttr(name) => Value::Text(name.as_str().to_owned()),
                TraversalOperator::LegacyIndex(index) => Value::Number(index.value().to_string()),
                TraversalOperator::Index(index) => self.evaluate(file, index)?.value,
                TraversalOperator::AttrSplat(_) | TraversalOperator::FullSplat(_) => {
                    return Err(open(place.clone(), format!("is `{}`, and `*` is not worked out here", quoted(place))));
                }
            };
            let found = match (here.value, &key) {
                (Value::Object(fields), key) => {
                    let name = key.text();
                    fields.into_iter().rev().find_map(|(field, item)| (Some(&field) == name.as_ref()).then_some(item))
                }
                (Value::List(items), key) => {
                    key.whole().and_then(|index| usize::try_from(index).ok()).and_then(|index| items.into_iter().nth(index))
                }
                _ => None,
            };
            here = match found {
                Some(Item { value: Value::Unknown(open), .. }) => return Err(Open { place: place.clone(), ..open }),
                Some(item) => item,
                None => return Err(open(place.clone(), format!("refers to `{}`, which is not there", quoted(place)))),
            };
        }
        Ok(here.moved_to(place))
    }

    fn call(&mut self, file: &'a File, place: &Place, call: &'a FuncCall) -> Evaluated {
        let name = call.name.name.as_str();
        let unknown = || open(place.clone(), format!("calls `{}`, which is not worked out here", call.name.name.as_str()));
        if !call.name.namespace.is_empty() || call.args.expand_final() || !functions::NAMES.contains(&name) {
            return Err(unknown());
        }
        let mut arguments = Vec::new();
        for argument in call.args.iter() {
            arguments.push(self.evaluate(file, argument)?);
        }
        let value =
            functions::call(name, arguments).ok_or_else(|| open(place.clone(), format!("calls `{name}` with what it does not take")))?;
        Ok(Item { value, place: place.clone() })
    }
}

fn open(place: Place, problem: impl Into<String>) -> Open {
    Open { place, problem: problem.into(), variable: None }
}

/// Whether two plain values are equal. `None` of lists and objects, whose parts may not be known.
fn same(left: &Value, right: &Value) -> Option<bool> {
    let plain = |value: &Value| matches!(value, Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_));
    (plain(left) && plain(right)).then_some(left == right)
}

/// The text of a place on one line, cut where it is long.
pub(crate) fn quoted(place: &Place) -> String {
    let line = place.shown().split_whitespace().collect::<Vec<_>>().join(" ");
    let mut short: String = line.chars().take(MAX_QUOTED).flat_map(char::escape_debug).collect();
    if line.chars().nth(MAX_QUOTED).is_some() {
        short.push('…');
    }
    short.replace("\\\"", "\"")
}
