-- The functions of demo and bench. Run once with language=pybox and once with language=plpython3u: the bodies are the same.
CREATE FUNCTION pymax(a float8, b float8) RETURNS float8 IMMUTABLE LANGUAGE :language AS $$
if a is None or b is None:
    return None
return a if a > b else b
$$;

-- An overload: the same name for text.
CREATE FUNCTION pymax(a text, b text) RETURNS text IMMUTABLE LANGUAGE :language AS $$
return max(a, b)
$$;

CREATE FUNCTION pair_as(kind text, name text, value int) RETURNS pair IMMUTABLE LANGUAGE :language AS $$
class Pair:
    pass

if kind == 'list':
    return [name, value]
if kind == 'tuple':
    return (name, value)
if kind == 'dict':
    return {'name': name, 'value': value}
pair = Pair()
pair.name = name
pair.value = value
return pair
$$;

CREATE FUNCTION singular_values(m float8[]) RETURNS float8[] IMMUTABLE LANGUAGE :language AS $$
import numpy as np
return [float(v) for v in np.linalg.svd(np.asarray(m), compute_uv=False)]
$$;

CREATE FUNCTION fibonacci(n int) RETURNS SETOF pair IMMUTABLE LANGUAGE :language AS $$
a, b = 0, 1
for i in range(n):
    yield ('F%d' % i, a)
    a, b = b, a + b
$$;

CREATE FUNCTION np_mean(v float8[]) RETURNS float8 IMMUTABLE LANGUAGE :language AS $$
import numpy as np
return float(np.mean(np.asarray(v)))
$$;

CREATE FUNCTION regress(x float8[], y float8[]) RETURNS fit IMMUTABLE LANGUAGE :language AS $$
from scipy.stats import linregress
f = linregress(x, y)
return (float(f.slope), float(f.intercept), float(f.rvalue), float(f.pvalue), float(f.stderr))
$$;

-- Volatile, so that the planner does not call it once for all.
CREATE FUNCTION f(x int) RETURNS int LANGUAGE :language AS $$
return x + 1
$$;

CREATE FUNCTION first_import() RETURNS float8 LANGUAGE :language AS $$
import numpy
import scipy.stats
return float(scipy.stats.norm.cdf(numpy.float64(0)))
$$;
