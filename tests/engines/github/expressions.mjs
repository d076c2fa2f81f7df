// expressions.mjs FILE: evaluates many `if:` with GitHub's own expression engine. FILE holds JSON, a list of
// {source, contexts, status}; prints the list of values as JSON.
import { readFileSync } from "node:fs";
import { Evaluator, Lexer, Parser, data } from "@actions/expressions";

function evaluate({ source, contexts, status }) {
  const context = JSON.parse(JSON.stringify(contexts), data.reviver);
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
  return JSON.parse(JSON.stringify(value, data.replacer));
}

console.log(JSON.stringify(JSON.parse(readFileSync(process.argv[2], "utf-8")).map(evaluate)));
