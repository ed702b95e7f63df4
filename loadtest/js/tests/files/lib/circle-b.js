exports.name = 'b' + require('./circle-a.js').name;
