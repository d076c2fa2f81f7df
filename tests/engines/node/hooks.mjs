// node --import hooks.mjs SCRIPT: lets the scripts of this folder's siblings use the node modules in $ENGINES_NODE_HOME,
// and lets @actions/*, which are written for bundlers, import .json files without an import attribute.
import { register } from "node:module";

const hooks = `
import fs from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";

const home = pathToFileURL(process.env.ENGINES_NODE_HOME + "/index.mjs").href;
const isBare = (specifier) => !/^(\\.|\\/|[a-z]+:)/.test(specifier);

export function resolve(specifier, context, next) {
  const outside = !context.parentURL?.includes("/node_modules/");
  return next(specifier, isBare(specifier) && outside ? { ...context, parentURL: home } : context);
}

export function load(url, context, next) {
  if (!url.endsWith(".json")) return next(url, context);
  return { format: "module", shortCircuit: true, source: "export default " + fs.readFileSync(fileURLToPath(url), "utf8") };
}
`;
register("data:text/javascript," + encodeURIComponent(hooks));
