exports.name = 'a';
exports.other = require('./circle-b.js').name;
