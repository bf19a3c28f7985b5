"""``certify``: what an integer network can reach, proved for every input and every number of steps."""


from .certificate import Certificate as Certificate
