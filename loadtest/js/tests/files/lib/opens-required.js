module.exports = open('./only-here.txt');
