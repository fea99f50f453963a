/** Whether a text is an expression of Traefik's circuit breaker (vulcand/oxy:cbreaker/predicates.go): ratios are floats, latencies ms. */
export function isBreakerExpression(text: string): boolean {
  return isJoined(text, [
    /NetworkErrorRatio\( *\) *(?:[<>]=?|[!=]=) *FLOAT/,
    /ResponseCodeRatio\( *\d{1,3} *, *\d{1,3} *, *\d{1,3} *, *\d{1,3} *\) *(?:[<>]=?|[!=]=) *FLOAT/,
    /LatencyAtQuantileMS\( *FLOAT *\) *(?:[<>]=?|[!=]=) *\d{1,9}/,
  ]);
}

/** Whether a text is an expression of Traefik's buffering retries (vulcand/oxy:buffer/threshold.go). */
export function isRetryExpression(text: string): boolean {
  return isJoined(text, [
    /IsNetworkError\( *\)/,
    /(?:Attempts|ResponseCode)\( *\) *(?:[<>]=?|[!=]=) *\d{1,9}/,
    /RequestMethod\( *\) *[!=]= *(?:"[A-Z]{1,16}"|`[A-Z]{1,16}`)/,
  ]);
}

const FLOAT = '(?:\\d{1,9}\\.\\d{0,9}|\\.\\d{1,9})';
const MAX_LENGTH = 256;

/** Whether a text is made of these comparisons, joined by `&&`, `||`, `!` and parentheses. */
function isJoined(text: string, comparisons: readonly RegExp[]): boolean {
  if (text.length > MAX_LENGTH) return false;
  const comparison = new RegExp(comparisons.map(({ source }) => source.replaceAll('FLOAT', FLOAT)).join('|'), 'g');
  let rest = text.replaceAll(comparison, '#').replaceAll(' ', '');
  for (let before = ''; before !== rest; ) {
    before = rest;
    rest = rest.replaceAll(/\(#\)|!#|#(?:&&|\|\|)#/g, '#');
  }
  return rest === '#';
}
