import type { AnswerView, OutcomeView, TestView, TrialView } from '../controller/request-view.ts';
import { joinHostPort } from '../lib/host.ts';
import { visible } from '../lib/text.ts';
import type { Printer } from './print.ts';
import { formatTable } from './table.ts';

type Style = Pick<Printer, 'style'>;

/** One request, rule by rule, and what becomes of it. */
export function requestText(view: TestView, printer: Style): string {
  return [requestHead(view, printer), triedText(view, printer), ...outcomesText(view, printer)].filter((part) => part !== '').join('\n\n');
}

/** The request in one line, and the answer in another. */
export function requestHead({ request, outcomes, proxy }: TestView, printer: Style): string {
  const { scheme, host, path, method, entrypoint, ip } = request;
  const asked = `${method} ${visible(`${scheme}://${host}${path}`)}`;
  const answers = outcomes.map(({ share, answer }) => `${outcomes.length > 1 ? `${percent(share)}: ` : ''}${answerText(answer)}`);
  return [`${printer.style('bold', asked)} at ${entrypoint} of ${proxy}, from ${ip}`, ...answers.map((answer) => `→ ${answer}`)].join('\n');
}

/** The routes that were asked, in their order, with the part of each that does not hold. */
function triedText({ tried, passed, request }: TestView, { style }: Style): string {
  const rows = tried.map((trial) => [String(trial.priority), trial.match, trial.services.join(' '), failureText(trial)]);
  const more = passed > 0 ? [style('dim', `${passed} more routes are for other hosts or entry points`)] : [];
  if (rows.length === 0) return more.length > 0 ? more.join('\n') : style('dim', `no route is served at ${request.entrypoint}`);
  return [formatTable(['RANK', 'ROUTE', 'SERVICES', ''], rows), ...more].join('\n');
}

/** What the middlewares do one after the other, and where the request goes; one text for each way. */
export function outcomesText({ outcomes }: TestView, printer: Style): readonly string[] {
  return outcomes.flatMap((outcome) => {
    const lines = [...stepsText(outcome), ...instancesText(outcome.answer, printer)];
    const head = outcomes.length > 1 ? [`${percent(outcome.share)} of the requests`] : [];
    return lines.length > 0 ? [[...head, ...lines].join('\n')] : [];
  });
}

/** A share of 0–1 in per cent. */
export function percent(share: number): string {
  return `${Number((share * 100).toFixed(1))} %`;
}

function failureText({ answers, part = '', wanted = '', found = '' }: TrialView): string {
  if (answers) return 'answers';
  if (part === 'target') return found;
  return `${part === 'entryPoint' ? 'entry point' : part}: asks for ${wanted}, the request has ${found}`;
}

function stepsText({ middlewares }: OutcomeView): readonly string[] {
  return middlewares.map(({ kind, does }, index) => visible(`${index + 1}. ${kind} ${does}`));
}

function answerText(answer: AnswerView): string {
  switch (answer.kind) {
    case 'respond':
      return `${answer.status === 0 ? 'closed' : answer.status} (${REASONS[answer.reason] ?? answer.reason})`;
    case 'redirect':
      return visible(`${answer.status} to ${answer.location}`);
    case 'forward': {
      const { instances, path, host, balancing } = answer;
      const [first] = instances;
      const to = instances.length === 1 && first ? addressText(first) : `one of ${instances.length} instances by ${balancing}`;
      return visible(`${to} gets ${path} with Host ${host ?? 'of its own address'}`);
    }
    case 'connect': {
      const { instances, balancing, tls } = answer;
      const [first] = instances;
      const to = instances.length === 1 && first ? addressText(first) : `one of ${instances.length} instances by ${balancing}`;
      return visible(
        `the connection goes to ${to}${tls === undefined ? '' : tls === 'passthrough' ? ', with its TLS' : ', its TLS ends here'}`,
      );
    }
    default:
      throw new TypeError(`Cannot show an answer: ${JSON.stringify(answer satisfies never)}`);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  noRoute: 'no route',
  certificate: 'no client shows its certificate without TLS',
  refused: 'the request is refused as it is',
  middleware: 'a middleware answers',
  unhealthy: 'no healthy instance',
  withheld: 'withheld: a tag cannot be honoured',
  tombstone: 'what asked for it has gone',
  reserved: 'a reserved host',
  protocol: 'its instances do not speak http',
  loop: 'it would redirect to itself',
};

function instancesText(answer: AnswerView, { style }: Style): readonly string[] {
  if (answer.kind !== 'forward' && answer.kind !== 'connect') return [];
  const headers = (answer.kind === 'forward' ? answer.headers : []).map(({ name, value }) =>
    visible(value === '' ? `without ${name}` : `${name}: ${value}`),
  );
  const rows = answer.instances.map((instance) => [
    percent(instance.share),
    addressText(instance),
    instance.service ?? '',
    instance.instance ?? '',
  ]);
  return [...headers.map((header) => style('dim', header)), formatTable(['SHARE', 'ADDRESS', 'SERVICE', 'INSTANCE'], rows)];
}

function addressText({ protocol, address, port }: { readonly protocol: string; readonly address: string; readonly port: number }): string {
  return `${protocol}://${joinHostPort(address, port)}`;
}
