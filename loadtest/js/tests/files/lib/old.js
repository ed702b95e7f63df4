const { sleep } = require('k6');
const data = require('../data.json');
exports.count = data.users.length;
exports.nap = function () { sleep(2); };
exports.self = () => require;
