// expression.mjs EXPRESSION CONTEXTS STATUS: evaluates an `if:` with GitHub's own expression engine, prints the value as JSON.
// CONTEXTS is a JSON object {github: {...}, needs: {...}, ...}; STATUS is success, failure or cancelled.
import { Evaluator, Lexer, Parser, data } from "@actions/expressions";

const [source, contexts, status] = process.argv.slice(2);
const context = JSON.parse(contexts, data.reviver);
const answers = { success: status === "success", failure: status === "failure", cancelled: status === "cancelled", always: true };
const functions = Object.entries(answers).map(([name, answer]) => ({
  name,
  minArgs: 0,
  maxArgs: 0,
  call: () => new data.BooleanData(answer),
}));
const names = context.pairs().map((pair) => pair.key);
const tree = new Parser(new Lexer(source).lex().tokens, names, functions).parse();
const value = new Evaluator(tree, context, new Map(functions.map((each) => [each.name, each]))).evaluate();
console.log(JSON.stringify(value, data.replacer));
