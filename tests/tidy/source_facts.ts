/** What the tidiness rules need to know about a source file, read from its syntax tree. */

export interface ImportFact {
  readonly specifier: string;
  readonly line: number;
  /** `import()` and workers: loaded later, so they make no cycle. */
  readonly isLater: boolean;
  /** Names that the import binds. */
  readonly names: readonly string[];
}

/** A use of something global: "Deno.dlopen", "fetch", "new Date()". */
export interface WordFact {
  readonly word: string;
  readonly line: number;
}

export interface FunctionFact {
  readonly name: string;
  readonly line: number;
  readonly lines: number;
}

export interface SourceFacts {
  /** From the root of the repository: "src/base/clock.ts". */
  readonly path: string;
  readonly lines: number;
  readonly imports: readonly ImportFact[];
  readonly words: readonly WordFact[];
  readonly functions: readonly FunctionFact[];
  /** Conditions of the form "if it is an instance of these classes, then this errno". */
  readonly errnoChoices: readonly { readonly classes: readonly string[]; readonly line: number }[];
  /** Nothing but `export ... from`. */
  readonly isBarrel: boolean;
  /** Nothing that runs: interfaces and types only. */
  readonly isTypesOnly: boolean;
}

/** Parses with Deno's own linter, which is there in `deno test` only. */
export function readFacts(path: string, text: string): SourceFacts {
  const reader = new FactReader(text);
  const plugin: Deno.lint.Plugin = {
    name: "tidy",
    rules: { facts: { create: () => reader.visitor() } },
  };
  Deno.lint.runPlugin(plugin, path, text);
  return {
    path,
    lines: text.replace(/\n$/, "").split("\n").length,
    imports: reader.imports,
    words: reader.words,
    functions: reader.functions,
    errnoChoices: reader.errnoChoices,
    isBarrel: reader.isBarrel,
    isTypesOnly: reader.isTypesOnly,
  };
}

const GLOBAL_FUNCTIONS = new Set(["fetch", "setTimeout", "setInterval", "console"]);

/** Where a bare name is a value that is used, and not a key, a declaration or a type. */
const USING_PARENTS = new Set([
  "ArrayExpression",
  "ArrowFunctionExpression",
  "AssignmentExpression",
  "AwaitExpression",
  "CallExpression",
  "ConditionalExpression",
  "LogicalExpression",
  "MemberExpression",
  "NewExpression",
  "Property",
  "ReturnStatement",
  "VariableDeclarator",
]);

type FunctionNode =
  | Deno.lint.FunctionDeclaration
  | Deno.lint.FunctionExpression
  | Deno.lint.ArrowFunctionExpression;

class FactReader {
  readonly imports: ImportFact[] = [];
  readonly words: WordFact[] = [];
  readonly functions: FunctionFact[] = [];
  readonly errnoChoices: { classes: string[]; line: number }[] = [];
  isBarrel = false;
  isTypesOnly = false;
  readonly #text: string;
  readonly #lineStarts: number[] = [0];

  constructor(text: string) {
    this.#text = text;
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) {
      this.#lineStarts.push(at + 1);
    }
  }

  visitor(): Deno.lint.LintVisitor {
    return {
      Program: (node) => this.#program(node),
      ImportDeclaration: (node) =>
        this.#import(node.source.value, node, false, node.specifiers.map((s) => s.local.name)),
      ExportAllDeclaration: (node) => this.#import(node.source.value, node, false),
      ExportNamedDeclaration: (node) => {
        if (node.source) this.#import(node.source.value, node, false);
      },
      ImportExpression: (node) => {
        if (node.source.type === "Literal") this.#import(String(node.source.value), node, true);
      },
      TSImportType: (node) => {
        const specifier = /import\(\s*["']([^"']+)/.exec(this.#textOf(node))?.[1];
        if (specifier !== undefined) this.#import(specifier, node, false);
      },
      NewExpression: (node) => this.#newExpression(node),
      MemberExpression: (node) => this.#dotted(node),
      TSQualifiedName: (node) => this.#dotted(node),
      Identifier: (node) => this.#identifier(node),
      FunctionDeclaration: (node) => this.#function(node),
      FunctionExpression: (node) => this.#function(node),
      ArrowFunctionExpression: (node) => this.#function(node),
      IfStatement: (node) => this.#choice(node.test, node.consequent),
      ConditionalExpression: (node) => this.#choice(node.test, node.consequent),
    };
  }

  #program(node: Deno.lint.Program): void {
    const kinds = node.body.map((statement) => {
      if (statement.type === "ExportAllDeclaration") return "from";
      if (statement.type === "ExportNamedDeclaration") {
        if (statement.source) return "from";
        return isType(statement.declaration?.type) ? "type" : "code";
      }
      if (statement.type === "ImportDeclaration") return "import";
      return isType(statement.type) ? "type" : "code";
    });
    this.isBarrel = kinds.includes("from") && kinds.every((k) => k === "from" || k === "import");
    this.isTypesOnly = kinds.every((kind) => kind === "type" || kind === "import");
  }

  #import(
    specifier: string,
    node: Deno.lint.Node,
    isLater: boolean,
    names: readonly string[] = [],
  ): void {
    this.imports.push({ specifier, line: this.#lineOf(node), isLater, names });
  }

  #newExpression(node: Deno.lint.NewExpression): void {
    if (node.callee.type !== "Identifier") return;
    const [first, second] = node.arguments;
    if (node.callee.name === "Date" && first === undefined) {
      this.words.push({ word: "new Date()", line: this.#lineOf(node) });
    }
    // A worker's or another module's file, found beside this one.
    const isModule = node.callee.name === "URL" && first?.type === "Literal" &&
      typeof first.value === "string" && first.value.endsWith(".ts") && second !== undefined &&
      this.#textOf(second) === "import.meta.url";
    if (isModule) this.#import(String(first.value), node, true);
  }

  #dotted(node: Deno.lint.MemberExpression | Deno.lint.TSQualifiedName): void {
    const text = this.#textOf(node);
    if (/^[A-Za-z]\w*(\s*\??\.\s*\w+)+$/.test(text)) {
      this.words.push({ word: text.replace(/[\s?]/g, ""), line: this.#lineOf(node) });
    }
  }

  #identifier(node: Deno.lint.Identifier): void {
    if (!GLOBAL_FUNCTIONS.has(node.name)) return;
    const parent = node.parent;
    if (!USING_PARENTS.has(parent.type)) return;
    if (parent.type === "MemberExpression" && parent.object !== node) return;
    if (parent.type === "VariableDeclarator" && parent.id === node) return;
    if (parent.type === "Property" && (parent.value !== node || !isUsed(parent))) return;
    this.words.push({ word: node.name, line: this.#lineOf(node) });
  }

  #function(node: FunctionNode): void {
    const line = this.#lineOf(node);
    const last = this.#lineAt(node.range[1] - 1);
    const head = this.#textOf(node).split("\n", 1)[0]!.slice(0, 60);
    const name = node.type === "ArrowFunctionExpression" ? head : node.id?.name ?? head;
    this.functions.push({ name, line, lines: last - line + 1 });
  }

  #choice(test: Deno.lint.Node, consequent: Deno.lint.Node): void {
    const classes = [...this.#textOf(test).matchAll(/\binstanceof\s+(\w+)/g)].map((m) => m[1]!);
    if (classes.length === 0 || !/["']E[A-Z0-9]{2,}["']/.test(this.#textOf(consequent))) return;
    this.errnoChoices.push({ classes, line: this.#lineOf(test) });
  }

  #textOf(node: Deno.lint.Node): string {
    return this.#text.slice(node.range[0], node.range[1]);
  }

  #lineOf(node: Deno.lint.Node): number {
    return this.#lineAt(node.range[0]);
  }

  #lineAt(offset: number): number {
    let low = 0;
    let high = this.#lineStarts.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (this.#lineStarts[middle]! <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  }
}

function isType(type: string | undefined): boolean {
  return type === "TSInterfaceDeclaration" || type === "TSTypeAliasDeclaration";
}

/** `{ fetch }` in an object uses it; in a pattern it declares it. */
function isUsed(property: Deno.lint.Property): boolean {
  return property.parent.type === "ObjectExpression";
}
