export { Broker, type BrokerOptions } from './broker.js';
export { API_HANDLERS, offeredApis } from './api-table.js';
