import { parseHTML } from 'k6/html';
const t = (name, f) => {
  let shown;
  try { const v = f(); shown = v === undefined ? "undefined" : v instanceof ArrayBuffer ? "bytes " + new Uint8Array(v).join() : JSON.stringify(v); } catch (e) { shown = `${e.constructor.name} ${e}`; }
  console.log(name, shown);
};
const page = parseHTML(`<body><div id="h" data-num="12" data-float="1.50" data-lead="007" data-json='{"a":[1]}' data-bool="true" data-nul="null" data-bad="{a" data-x="" data-foo-bar="fb">d</div>
<form id="f"><input name="a" value="1"><input name="a" value="2"><input name="dis" value="d" disabled><input type="checkbox" name="c" checked><input type="radio" name="r" value="r2" checked="checked"><input type="submit" name="go" value="G"><textarea name="ta">x
<b></textarea><select name="s"><option value="o1">1</option><option value="o2" selected>2</option></select><select name="m" multiple><option selected>x</option><option selected>y</option></select><select name="n"><option>First</option></select></form>
<ul><li>one</li><li>two</li></ul></body>`);
export default function () {
  for (const name of ['num', 'float', 'lead', 'json', 'bool', 'nul', 'bad', 'x', 'foo-bar', 'fooBar', 'none']) t(name, () => page.find('#h').data(name));
  t('all', () => Object.entries(page.find('#h').data()).sort());
  const form = page.find('#f');
  t('array', () => form.serializeArray()); t('object', () => Object.entries(form.serializeObject()).sort()); t('text', () => form.serialize());
  t('values', () => page.find('input,textarea,select,option,li').toArray().map((x) => x.val()));
  t('html', () => form.html()); t('none', () => [page.find('no').html(), page.find('no').text(), page.find('no').attr('id'), page.find('no').val()]);
  t('map', () => page.find('li').map((i, e) => { if (i === 0) throw new Error('left out'); return e.text(); }));
  t('get', () => [page.find('li').get(-1).nodeName(), page.find('li').get(-2), page.find('li').get(5)]);
  t('text', () => String(page.find('li').get(0)));
  for (const html of ['<p a="x&quot;y&lt;&amp;\'">&amp;&lt;&nbsp;&copy;</p>', '<br/><img src=x>', '<b><i>x</b>y</i>', '<script>if(a<b){}</script>', '<table><tr><td>x</table>', '<!DOCTYPE html><p>a<p>b', '<p><!-- c -->a</p>', '', null, undefined, 5]) t('parse', () => parseHTML(html).html());
}
