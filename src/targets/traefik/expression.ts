const INT = String.raw`\d{1,9}`;
const FLOAT = String.raw`\d{1,9}\.\d{1,9}`;
const ORDER = String.raw` ?(?:==|!=|<=?|>=?) ?`;

/** What may be compared with what in a circuit breaker (vulcand/oxy:cbreaker/predicates.go): Go tells integers from fractions. */
const BREAKER = [
  String.raw`LatencyAtQuantileMS\( ?${FLOAT} ?\)${ORDER}${INT}`,
  String.raw`NetworkErrorRatio\( ?\)${ORDER}${FLOAT}`,
  String.raw`ResponseCodeRatio\( ?${INT} ?, ?${INT} ?, ?${INT} ?, ?${INT} ?\)${ORDER}${FLOAT}`,
];

/** The same in a retry of buffering (vulcand/oxy:buffer/threshold.go). */
const RETRY = [
  String.raw`IsNetworkError\( ?\)`,
  String.raw`RequestMethod\( ?\) ?(?:==|!=) ?"[A-Za-z]{1,20}"`,
  String.raw`(?:Attempts|ResponseCode)\( ?\)${ORDER}${INT}`,
];

/** Whether Traefik can read the expression of a circuit breaker; one that it cannot disables its router. */
export function isBreakerExpression(text: string): boolean {
  return isExpression(text, BREAKER);
}

/** Whether Traefik can read the expression of a retry. */
export function isRetryExpression(text: string): boolean {
  return isExpression(text, RETRY);
}

/** Comparisons joined by `&&`, `||` and parentheses. */
function isExpression(text: string, comparisons: readonly string[]): boolean {
  if (text.length > 1000 || text.includes('§')) return false;
  let rest = text
    .replace(/\s+/g, ' ')
    .trim()
    .replace(new RegExp(comparisons.join('|'), 'g'), '§');
  for (;;) {
    const reduced = rest.replace(/\( ?§ ?\)/g, '§').replace(/§ ?(?:&&|\|\|) ?§/g, '§');
    if (reduced === rest) return rest === '§';
    rest = reduced;
  }
}
