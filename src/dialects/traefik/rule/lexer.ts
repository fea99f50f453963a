/** A problem in a rule, at offsets of the rule's text. */
export interface RuleProblem {
  readonly code: 'TRAEFIK_RULE_SYNTAX' | 'TRAEFIK_RULE_V2' | 'TRAEFIK_RULE_NEVER' | 'TRAEFIK_RULE_UNSERVED' | 'TRAEFIK_REGEX_REFUSED';
  readonly message: string;
  readonly start: number;
  readonly end: number;
  readonly hint?: string;
}

/** One piece of a rule; `text` of a string is its value without quotes. */
export interface RuleToken {
  readonly kind: 'word' | 'string' | '&&' | '||' | '!' | '(' | ')' | ',' | 'end';
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const PIECE = /(?<word>[A-Za-z][A-Za-z0-9]*)|`(?<raw>[^`]*)`|"(?<quoted>(?:[^"\\]|\\.)*)"|&&|\|\||[!(),]/y;

/**
 * The tokens of a rule, ended by `end`, or what cannot be read. A rule is a Go expression: strings stand in backticks as they are, or in
 * double quotes, where a backslash may only stand before `"` and `\`.
 */
export function lexRule(rule: string): readonly RuleToken[] | RuleProblem {
  const tokens: RuleToken[] = [];
  let at = 0;
  while (at < rule.length) {
    if (rule.charAt(at) === ' ') {
      at += 1;
      continue;
    }
    PIECE.lastIndex = at;
    const found = PIECE.exec(rule);
    if (!found) return unreadable(rule, at);
    const end = at + found[0].length;
    const { word, raw, quoted } = found.groups ?? {};
    const escape = quoted === undefined ? -1 : quoted.replace(/\\["\\]/g, '  ').indexOf('\\');
    if (escape >= 0) return badEscape(at + 1 + escape);
    if (word !== undefined) tokens.push({ kind: 'word', text: word, start: at, end });
    else if (raw !== undefined || quoted !== undefined)
      tokens.push({ kind: 'string', text: raw ?? (quoted ?? '').replace(/\\(.)/g, '$1'), start: at, end });
    else tokens.push({ kind: symbolOf(found[0]), text: found[0], start: at, end });
    at = end;
  }
  return [...tokens, { kind: 'end', text: '', start: rule.length, end: rule.length }];
}

function badEscape(at: number): RuleProblem {
  const message = 'Cannot read the rule: a backslash in double quotes stands before a character that it does not escape';
  return { code: 'TRAEFIK_RULE_SYNTAX', message, start: at, end: at + 2, hint: 'Write the value in backticks' };
}

function symbolOf(text: string): RuleToken['kind'] {
  const symbols = ['&&', '||', '!', '(', ')', ','] as const;
  return symbols.find((symbol) => symbol === text) ?? 'end';
}

function unreadable(rule: string, at: number): RuleProblem {
  const char = rule.charAt(at);
  const place = { start: at, end: at + 1 };
  if (char === ':' || char === ';' || char === '{')
    return {
      code: 'TRAEFIK_RULE_V2',
      message: `Cannot read the rule: "${char}" is of Traefik 1 or 2`,
      hint: 'Write Host(`example.com`)',
      ...place,
    };
  const hint = char === "'" ? 'Write the value in backticks' : undefined;
  const what = char === '`' || char === '"' ? 'a quote is not closed' : `"${char}" cannot stand here`;
  const problem = { code: 'TRAEFIK_RULE_SYNTAX', message: `Cannot read the rule: ${what}`, ...place } as const;
  return hint === undefined ? problem : { ...problem, hint };
}
