type Http = typeof import('node:http');

/*
 * Node's HTTP without what an import of it costs: an import reads every export of a module, and one of these loads Node's own undici, 15 MB
 * and 20 ms.
 */
const http: Http = process.getBuiltinModule('node:http');

/** `Agent` of `node:http`. */
export const Agent: Http['Agent'] = http.Agent;

/** `createServer` of `node:http`. */
export const createServer: Http['createServer'] = http.createServer;

/** `request` of `node:http`. */
export const request: Http['request'] = http.request;
